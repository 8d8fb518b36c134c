// Debian's zlib1g-dev; Coordinator/Data/Gzip.swift is the only file that imports this.
#include <zlib.h>
