#pragma once

#include <string>

namespace cardlatch::pcsc::detail {

/// The resource manager's socket without links: remembered, because a resource manager that ends takes it
/// away. Source: pcsc-lite getSocketName().
std::string service_socket();

/// Whether somebody accepts connections at that socket.
bool service_listens();

} // namespace cardlatch::pcsc::detail
