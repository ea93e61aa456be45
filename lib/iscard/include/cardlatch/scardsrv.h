#pragma once

// The documentation names this header for ISCardISO7816; all interfaces are in one.

#include <cardlatch/scardssp.h>
