// Debian's libsqlite3-dev; Coordinator/Store/Database.swift is the only file that imports this.
#include <sqlite3.h>
