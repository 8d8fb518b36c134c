// Debian's libzmq3-dev; Wire/Sockets is the only folder that imports this.
#include <zmq.h>
#include <errno.h>
