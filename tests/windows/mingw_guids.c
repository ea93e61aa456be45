// The IIDs and CLSIDs as MinGW-w64 ships them: a source file to be included.
#include <scardssp_i.c>
