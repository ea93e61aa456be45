// What most translation units read; see cardlatch_precompile() in ../CardlatchTargets.cmake.

#include <cardlatch/base/bytes.hpp>
#include <cardlatch/base/result.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>
