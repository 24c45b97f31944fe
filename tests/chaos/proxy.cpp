#include "chaos/proxy.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <optional>
#include <system_error>

namespace chaos {
namespace {

using condolock::engine::redis::RespValue;
using condolock::util::Fd;

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  return address;
}

std::string encoded(const RespValue& value) {
  switch (value.kind) {
    case RespValue::Kind::nil:
      return "$-1\r\n";
    case RespValue::Kind::text:
      return "$" + std::to_string(value.text.size()) + "\r\n" + value.text + "\r\n";
    case RespValue::Kind::status:
      return "+" + value.text + "\r\n";
    case RespValue::Kind::error:
      return "-" + value.text + "\r\n";
    case RespValue::Kind::integer:
      return ":" + value.text + "\r\n";
    case RespValue::Kind::array:
      break;
  }
  std::string out = "*" + std::to_string(value.items.size()) + "\r\n";
  for (const RespValue& item : value.items) out += encoded(item);
  return out;
}

// The bytes that have arrived; none if the other side has closed.
std::optional<std::string> received(const Fd& fd) {
  std::array<char, 65536> buffer{};
  const ssize_t length = recv(fd.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (length > 0) return std::string(buffer.data(), static_cast<std::size_t>(length));
  if (length < 0 && (errno == EAGAIN || errno == EINTR)) return "";
  return std::nullopt;
}

}  // namespace

Proxy::Proxy(const std::string& path, std::string upstream) : upstream_(std::move(upstream)) {
  listener_ = Fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const sockaddr_un address = address_of(path);
  if (bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      listen(listener_.get(), 64) != 0) {
    throw std::system_error(errno, std::generic_category(), path);
  }
}

void Proxy::cut() { connections_.clear(); }
void Proxy::drop_reply() { drops_reply_ = true; }

void Proxy::wait_for(std::vector<pollfd>& fds) const {
  if (blackhole) return;
  fds.push_back({listener_.get(), POLLIN, 0});
  for (const auto& connection : connections_) {
    fds.push_back({connection->client.get(), POLLIN, 0});
    fds.push_back({connection->server.get(), POLLIN, 0});
  }
}

void Proxy::pump() {
  if (blackhole) return;
  accept();
  std::erase_if(connections_, [this](const auto& connection) { return !move(*connection); });
}

void Proxy::accept() {
  for (;;) {
    auto connection = std::make_unique<Connection>();
    connection->client = Fd(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!connection->client) return;
    connection->repeats = repeat;
    connection->server = Fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const sockaddr_un address = address_of(upstream_);
    // There is no server: close the client's connection, as if a real proxy could not pass it on.
    if (connect(connection->server.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) continue;
    connections_.push_back(std::move(connection));
  }
}

// False: the connection has ended.
bool Proxy::move(Connection& connection) {
  const auto request = received(connection.client);
  const auto reply = received(connection.server);
  const Nanos due = now() + delay;
  if (request && !request->empty()) {
    connection.to_server.push_back({due, connection.repeats ? repeated(connection, *request) : *request});
  }
  if (reply && !reply->empty()) {
    if (drops_reply_) {
      drops_reply_ = false;
      return false;
    }
    connection.to_client.push_back({due, connection.repeats ? without_repeats(connection, *reply) : *reply});
  }
  const auto pass = [](std::deque<Piece>& pieces, const Fd& to) {
    for (; !pieces.empty() && pieces.front().due <= now(); pieces.pop_front()) {
      const std::string& bytes = pieces.front().bytes;
      if (send(to.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) < 0) return;
    }
  };
  pass(connection.to_server, connection.server);
  pass(connection.to_client, connection.client);
  // The connection ends after the last bytes were passed on.
  return (request || !connection.to_server.empty()) && (reply || !connection.to_client.empty());
}

std::string Proxy::repeated(Connection& connection, std::string_view bytes) {
  connection.requests.feed(bytes);
  std::string out;
  while (const auto request = connection.requests.next()) {
    const std::string once = encoded(*request);
    // A second sleep would delay later requests.
    const bool sleeps = !request->items.empty() && request->items[0].text == "BLPOP";
    out += sleeps ? once : once + once;
    connection.swallowed.push_back(false);
    if (!sleeps) connection.swallowed.push_back(true);
  }
  if (connection.requests.is_empty()) connection.requests.restart();
  return out;
}

std::string Proxy::without_repeats(Connection& connection, std::string_view bytes) {
  connection.replies.feed(bytes);
  std::string out;
  while (const auto reply = connection.replies.next()) {
    const bool swallowed = !connection.swallowed.empty() && connection.swallowed.front();
    if (!connection.swallowed.empty()) connection.swallowed.pop_front();
    if (!swallowed) out += encoded(*reply);
  }
  if (connection.replies.is_empty()) connection.replies.restart();
  return out;
}

}  // namespace chaos
