#include <cardlatch/harness/control.hpp>

#include <boost/asio.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/json.hpp>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <istream>
#include <set>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

namespace cardlatch::harness {

namespace asio = boost::asio;
namespace json = boost::json;
using Socket = asio::local::stream_protocol;

namespace {

constexpr std::size_t k_longest_line = 65536;
// Enough for a few clients that wait for a change to become visible while another asks for the status.
constexpr int k_threads = 4;
constexpr std::chrono::milliseconds k_pause_after_error{100};

// Source: JSON-RPC 2.0 specification, section 5.1.
constexpr int k_parse_error = -32700;
constexpr int k_invalid_request = -32600;
constexpr int k_method_not_found = -32601;
constexpr int k_invalid_params = -32602;
constexpr int k_server_error = -32000;

std::string reply_error(const json::value& id, int code, const std::string& message) {
    return json::serialize(
        json::object{{"jsonrpc", "2.0"}, {"id", id}, {"error", {{"code", code}, {"message", message}}}});
}

int rpc_code(const std::error_code& code) {
    if (code == std::errc::function_not_supported) {
        return k_method_not_found;
    }
    return code == std::errc::invalid_argument ? k_invalid_params : k_server_error;
}

std::string answer(const std::string& line, const ControlServer::Handler& handler) {
    boost::system::error_code error;
    const auto value = json::parse(line, error, {}, {.max_depth = 8});
    if (error) {
        return reply_error(nullptr, k_parse_error, "not JSON: " + error.message());
    }
    const auto* request = value.if_object();
    const auto* method = request != nullptr ? request->if_contains("method") : nullptr;
    const json::value* id = request != nullptr ? request->if_contains("id") : nullptr;
    const json::value known_id = id != nullptr ? *id : json::value(nullptr);
    if (method == nullptr || !method->is_string()) {
        return reply_error(known_id, k_invalid_request,
                           R"(a request is an object with "method", "params" and "id")");
    }
    const auto* params = request->if_contains("params");
    if (params != nullptr && !params->is_object()) {
        return reply_error(known_id, k_invalid_params, "\"params\" has to be an object");
    }
    const auto result =
        handler(std::string(method->as_string()), params != nullptr ? params->as_object() : json::object{});
    if (!result) {
        return reply_error(known_id, rpc_code(result.assume_error().code), result.assume_error().message());
    }
    return json::serialize(
        json::object{{"jsonrpc", "2.0"}, {"id", known_id}, {"result", result.assume_value()}});
}

/// One client: reads a line, answers it, reads the next.
class Session : public std::enable_shared_from_this<Session> {
  public:
    Session(Socket::socket socket, const ControlServer::Handler& handler)
        : socket_(std::move(socket))
        , buffer_(k_longest_line)
        , handler_(handler) {}

    void read() {
        asio::async_read_until(socket_, buffer_, '\n',
                               [self = shared_from_this()](boost::system::error_code error, std::size_t) {
                                   if (!error) {
                                       self->respond();
                                   } else if (error == asio::error::not_found) {
                                       // The buffer is full and holds no line: answer, then hang up.
                                       self->write(reply_error(nullptr, k_invalid_request, "line too long"),
                                                   false);
                                   }
                               });
    }

  private:
    void respond() {
        std::string line;
        std::istream stream(&buffer_);
        std::getline(stream, line);
        write(answer(line, handler_), true);
    }

    void write(std::string reply, bool go_on) {
        reply_ = std::move(reply) + "\n";
        asio::async_write(socket_, asio::buffer(reply_),
                          [self = shared_from_this(), go_on](boost::system::error_code error, std::size_t) {
                              if (!error && go_on) {
                                  self->read();
                              }
                          });
    }

    Socket::socket socket_;
    asio::streambuf buffer_;
    std::string reply_;
    const ControlServer::Handler& handler_;
};

Result<Socket::endpoint> endpoint_of(const std::filesystem::path& path) {
    if (path.native().size() >= sizeof(sockaddr_un::sun_path)) {
        return fail(std::errc::filename_too_long,
                    fmt::format("control socket {}: the path has {} bytes, the system allows {}",
                                path.native(), path.native().size(), sizeof(sockaddr_un::sun_path) - 1));
    }
    return Socket::endpoint(path.native());
}

} // namespace

struct ControlServer::Impl {
    std::filesystem::path path;
    Handler handler;
    asio::io_context io{k_threads};
    Socket::acceptor acceptor{io};
    asio::steady_timer pause{io};
    std::vector<std::thread> threads;

    void accept() {
        acceptor.async_accept([this](boost::system::error_code error, Socket::socket socket) {
            if (!error) {
                std::make_shared<Session>(std::move(socket), handler)->read();
                accept();
            } else if (error != asio::error::operation_aborted) {
                // Out of descriptors, say: trying again at once would only spin.
                pause.expires_after(k_pause_after_error);
                pause.async_wait([this](boost::system::error_code) { accept(); });
            }
        });
    }
};

Result<std::unique_ptr<ControlServer>> ControlServer::start(const std::filesystem::path& socket,
                                                            Handler handler) {
    BOOST_OUTCOME_TRY(const auto endpoint, endpoint_of(socket));
    auto impl = std::make_unique<Impl>();
    impl->path = socket;
    impl->handler = std::move(handler);
    boost::system::error_code error;
    impl->acceptor.open(endpoint.protocol(), error);
    if (!error) {
        impl->acceptor.bind(endpoint, error);
    }
    if (!error && ::chmod(socket.c_str(), 0600) != 0) {
        return last_system_error("control socket " + socket.native());
    }
    if (!error) {
        impl->acceptor.listen(asio::socket_base::max_listen_connections, error);
    }
    if (error) {
        return fail(std::error_code(error.value(), std::system_category()),
                    fmt::format("control socket {}: {}", socket.native(), error.message()));
    }
    impl->accept();
    for (int i = 0; i < k_threads; ++i) {
        impl->threads.emplace_back([io = &impl->io] { io->run(); });
    }
    return std::unique_ptr<ControlServer>(new ControlServer(std::move(impl)));
}

ControlServer::ControlServer(std::unique_ptr<Impl> impl)
    : impl_(std::move(impl)) {}

ControlServer::~ControlServer() {
    impl_->io.stop();
    for (auto& thread : impl_->threads) {
        thread.join();
    }
    ::unlink(impl_->path.c_str());
}

Result<json::value> control_call(const std::filesystem::path& socket, const std::string& method,
                                 const json::object& params) {
    BOOST_OUTCOME_TRY(const auto endpoint, endpoint_of(socket));
    asio::io_context io;
    Socket::socket connection(io);
    boost::system::error_code error;
    connection.connect(endpoint, error);
    if (error) {
        return fail(
            std::error_code(error.value(), std::system_category()),
            fmt::format("control socket {}: {}; is that `cardlatch run` or `cardlatch serve` still running?",
                        socket.native(), error.message()));
    }
    const auto line =
        json::serialize(json::object{{"jsonrpc", "2.0"}, {"id", 1}, {"method", method}, {"params", params}}) +
        "\n";
    asio::write(connection, asio::buffer(line), error);
    std::string reply;
    if (!error) {
        asio::read_until(connection, asio::dynamic_buffer(reply, std::size_t{1} << 20U), '\n', error);
    }
    if (error) {
        return fail(
            std::errc::connection_reset,
            fmt::format("control socket {}: the other end closed before it answered", socket.native()));
    }
    const auto value = json::parse(reply, error);
    const auto* object = error ? nullptr : value.if_object();
    if (object != nullptr) {
        if (const auto* result = object->if_contains("result"); result != nullptr) {
            return *result;
        }
        if (const auto* problem = object->if_contains("error"); problem != nullptr && problem->is_object()) {
            const auto* message = problem->as_object().if_contains("message");
            if (message != nullptr && message->is_string()) {
                return fail(std::errc::io_error, std::string(message->as_string()));
            }
        }
    }
    return fail(std::errc::bad_message, "control socket: the answer is no JSON-RPC: " + reply);
}

} // namespace cardlatch::harness
