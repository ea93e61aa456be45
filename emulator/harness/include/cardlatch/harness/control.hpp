#pragma once

#include <cardlatch/base/result.hpp>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

namespace cardlatch::harness {

/// The control protocol: JSON-RPC 2.0 over a unix socket, one object per line, at most 64 KiB each
/// (docs/control.md).
///
/// Serves any number of clients, each request in turn per client. The handler runs on one of the server's
/// threads.
class ControlServer {
  public:
    /// Answers one request: method name and parameters. A failed result becomes a JSON-RPC error with its
    /// message; std::errc::function_not_supported means "method not found", std::errc::invalid_argument
    /// "invalid params".
    using Handler = std::function<Result<boost::json::value>(const std::string& method,
                                                             const boost::json::object& params)>;

    /// Listens on `socket` with mode 0600. Errors: the errno of the step that failed, with the path.
    static Result<std::unique_ptr<ControlServer>> start(const std::filesystem::path& socket, Handler handler);

    /// Stops listening, ends every connection and removes the socket.
    ~ControlServer();
    ControlServer(const ControlServer&) = delete;
    ControlServer& operator=(const ControlServer&) = delete;

  private:
    struct Impl;
    explicit ControlServer(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

/// Sends one request to the control socket and returns its result. Blocks until the answer or the end of the
/// connection. Errors: the errno of connecting with the path and the way out; std::errc::io_error with the
/// server's own message; std::errc::bad_message for an answer that is no JSON-RPC.
Result<boost::json::value> control_call(const std::filesystem::path& socket, const std::string& method,
                                        const boost::json::object& params);

} // namespace cardlatch::harness
