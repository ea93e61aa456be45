#pragma once

// The documentation names this header for ISCardCmd and ISCardTypeConv; all interfaces are in one.

#include <cardlatch/scardssp.h>
