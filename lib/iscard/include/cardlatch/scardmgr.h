#pragma once

// The documentation names this header for ISCard, ISCardDatabase and ISCardLocate; all interfaces are in one.

#include <cardlatch/scardssp.h>
