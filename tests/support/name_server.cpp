#include "support/name_server.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <string_view>
#include <system_error>

namespace support {
namespace {

constexpr std::size_t header_size = 12;  // RFC 1035, 4.1.1

// The dotted name of the only question, and where its type begins; empty for what is no question.
std::pair<std::string, std::size_t> question_of(std::string_view query) {
  std::string name;
  std::size_t at = header_size;
  while (at < query.size() && query[at] != 0) {
    const auto length = static_cast<unsigned char>(query[at]);
    if (!name.empty()) name += '.';
    name += query.substr(at + 1, length);
    at += 1U + length;
  }
  return {name, at + 1};
}

std::string answer_to(std::string_view query, const std::map<std::string, std::string>& addresses) {
  const auto [name, type_at] = question_of(query);
  if (query.size() < type_at + 4) return "";
  const bool wants_v4 = query[type_at + 1] == 1;
  const auto found = addresses.find(name);
  std::string out(query.substr(0, type_at + 4));
  out[2] = '\x81';                                      // a response
  out[3] = found == addresses.end() ? '\x83' : '\x80';  // NXDOMAIN, or no error
  for (std::size_t i = 6; i < header_size; ++i) out[i] = 0;
  if (found == addresses.end() || !wants_v4) return out;
  out[7] = 1;  // one answer: the question's name, type A, class IN
  out += std::string("\xC0\x0C\0\1\0\1\0\0\0\x3C\0\4", 12);
  in_addr address{};
  inet_pton(AF_INET, found->second.c_str(), &address);
  out.append(reinterpret_cast<const char*>(&address), sizeof address);
  return out;
}

}  // namespace

NameServer::NameServer(Names addresses, Manner manner)
    : addresses_(std::move(addresses)),
      manner_(manner),
      socket_(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)),
      stop_(eventfd(0, EFD_CLOEXEC)) {
  sockaddr_in own{};
  own.sin_family = AF_INET;
  own.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (!socket_ || !stop_ || bind(socket_.get(), reinterpret_cast<const sockaddr*>(&own), sizeof own) != 0) {
    throw std::system_error(errno, std::generic_category(), "name server");
  }
  thread_ = std::thread([this] { serve(); });
}

NameServer::~NameServer() {
  eventfd_write(stop_.get(), 1);
  thread_.join();
}

std::string NameServer::address() const {
  sockaddr_in own{};
  socklen_t length = sizeof own;
  getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&own), &length);
  return "127.0.0.1:" + std::to_string(ntohs(own.sin_port));
}

void NameServer::serve() {
  for (;;) {
    std::array<pollfd, 2> fds{{{socket_.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}}};
    poll(fds.data(), fds.size(), -1);
    if (fds[1].revents != 0) return;
    std::array<char, 512> query{};
    sockaddr_in from{};
    socklen_t length = sizeof from;
    const ssize_t got = recvfrom(socket_.get(), query.data(), query.size(), 0, reinterpret_cast<sockaddr*>(&from), &length);
    if (got <= 0 || manner_ == Manner::silent) continue;
    const std::string answer = answer_to({query.data(), static_cast<std::size_t>(got)}, addresses_);
    sendto(socket_.get(), answer.data(), answer.size(), 0, reinterpret_cast<const sockaddr*>(&from), length);
  }
}

}  // namespace support
