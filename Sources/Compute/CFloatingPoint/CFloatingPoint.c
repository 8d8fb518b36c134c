// CFloatingPoint.c · Compute/CFloatingPoint. Empty: the header is all there is, but SwiftPM asks a C target for one source file.
#include "CFloatingPoint.h"
