#include "engine/redis/resolver.hpp"

#include <ares.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "util/shortage.hpp"

namespace condolock::engine::redis {

namespace {

// As AI_ADDRCONFIG does for getaddrinfo(3): a machine without an IPv6 route does not ask for IPv6 addresses. A name without
// IPv4 addresses is still looked up: it may be ::1, or be on a network without a way out. Connecting a UDP socket looks up
// the route and sends nothing; the address is one for documentation (RFC 3849).
bool has_ipv6() {
  const util::Fd probe(socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_port = htons(53);
  return probe && inet_pton(AF_INET6, "2001:db8::1", &address.sin6_addr) == 1 &&
         connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

// c-ares does not report that it got no descriptor. Opening a socket shows whether there is one.
Failure failure(const char* text) {
  const util::Fd probe(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const bool local = !probe && util::is_local_shortage(errno);
  return {local ? Fault::local : Fault::unreachable, false, false, local ? std::strerror(errno) : text};
}

// c-ares says "could not contact" even if the server answered with an error.
const char* text_of(int status) {
  const bool useless = status == ARES_ECONNREFUSED || status == ARES_ETIMEOUT || status == ARES_ESERVFAIL ||
                       status == ARES_EBADRESP || status == ARES_EREFUSED;
  return useless ? "no name server gave a usable answer" : ares_strerror(status);
}

// c-ares doubles the timeout with each try.
int tries_within(Millis patience, Millis timeout) {
  int tries = 1;
  for (Millis total = timeout; total < patience && tries < 10; ++tries) total += timeout * (1 << tries);
  return tries;
}

}  // namespace

// Callbacks for c-ares. `self` is the Resolver.
struct Resolver::Callbacks {
  static void on_socket(void* self, ares_socket_t fd, int readable, int writable) {
    const int epoll = static_cast<Resolver*>(self)->epoll_.get();
    epoll_event event{};
    event.events = (readable != 0 ? EPOLLIN : 0U) | (writable != 0 ? EPOLLOUT : 0U);
    event.data.fd = fd;
    if (event.events == 0) {
      epoll_ctl(epoll, EPOLL_CTL_DEL, fd, nullptr);
    } else if (epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event) != 0) {
      epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
    }
  }

  static void on_addresses(void* self, int status, int /*timeouts*/, ares_addrinfo* found) {
    const std::unique_ptr<ares_addrinfo, decltype(&ares_freeaddrinfo)> owner(found, ares_freeaddrinfo);
    if (status == ARES_ECANCELLED || status == ARES_EDESTRUCTION) return;
    auto& resolver = *static_cast<Resolver*>(self);
    auto& outcome = resolver.outcome_;
    if (status != ARES_SUCCESS && std::exchange(resolver.may_be_ipv6_, false)) {
      resolver.ipv6_is_next_ = true;  // c-ares accepts no new look-up here: it is about to close its sockets
      return;
    }
    if (status != ARES_SUCCESS) {
      outcome = failure(text_of(status));
      return;
    }
    std::vector<Address> addresses;
    for (const ares_addrinfo_node* node = found->nodes; node != nullptr; node = node->ai_next) {
      addresses.push_back(make_address(node->ai_addr, static_cast<socklen_t>(node->ai_addrlen)));
    }
    if (addresses.empty()) {
      outcome = failure("the name has no address");
    } else {
      outcome = std::move(addresses);
    }
  }
};

Resolver::Resolver(const std::string& host, std::uint16_t port, Millis patience, const std::string& servers)
    : epoll_(epoll_create1(EPOLL_CLOEXEC)), host_(host), port_(std::to_string(port)), may_be_ipv6_(!has_ipv6()) {
  if (!epoll_) {
    outcome_ = failure(std::strerror(errno));
    return;
  }
  ares_options options{};
  std::array<char, 3> lookups{"fb"};  // files, then DNS ("bind"), whatever nsswitch.conf says
  options.lookups = lookups.data();
  // c-ares would wait five seconds for a silent name server. That is the whole default of --redis-timeout.
  options.timeout = static_cast<int>(std::clamp<std::int64_t>(patience.count() / 4, 50, 1000));
  options.tries = tries_within(patience, Millis(options.timeout));
  options.sock_state_cb = Callbacks::on_socket;
  options.sock_state_cb_data = this;
  int status = ares_init_options(&channel_, &options,
                                 ARES_OPT_LOOKUPS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB);
  if (status == ARES_SUCCESS && !servers.empty()) status = ares_set_servers_ports_csv(channel_, servers.c_str());
  if (status != ARES_SUCCESS) {
    outcome_ = failure(ares_strerror(status));
    return;
  }
  look_up(may_be_ipv6_ ? AF_INET : AF_UNSPEC);
}

void Resolver::look_up(int family) {
  ares_addrinfo_hints hints{};
  hints.ai_family = family;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = ARES_AI_NUMERICSERV;
  ares_getaddrinfo(channel_, host_.c_str(), port_.c_str(), &hints, Callbacks::on_addresses, this);
}

Resolver::~Resolver() {
  if (channel_ != nullptr) ares_destroy(channel_);
}

Interest Resolver::interest() const {
  const Instant now = BootClock::now();
  if (outcome_ || ipv6_is_next_) return {-1, 0, now};
  Interest interest{epoll_.get(), POLLIN, {}};
  timeval left{};
  if (ares_timeout(channel_, nullptr, &left) != nullptr) {
    interest.wake = now + std::chrono::seconds(left.tv_sec) + std::chrono::microseconds(left.tv_usec);
  }
  return interest;
}

std::optional<Answered<std::vector<Address>>> Resolver::advance() {
  if (std::exchange(ipv6_is_next_, false)) look_up(AF_INET6);
  if (outcome_) return outcome_;
  std::array<epoll_event, 8> events{};
  const int ready = epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), 0);
  for (int i = 0; i < ready && !outcome_; ++i) {
    const epoll_event& event = events.at(static_cast<std::size_t>(i));
    const ares_socket_t fd = event.data.fd;
    const bool readable = (event.events & (EPOLLIN | EPOLLERR | EPOLLHUP)) != 0;
    ares_process_fd(channel_, readable ? fd : ARES_SOCKET_BAD, (event.events & EPOLLOUT) != 0 ? fd : ARES_SOCKET_BAD);
  }
  if (!outcome_) ares_process_fd(channel_, ARES_SOCKET_BAD, ARES_SOCKET_BAD);  // handles what has timed out
  if (std::exchange(ipv6_is_next_, false)) look_up(AF_INET6);
  return outcome_;
}

}  // namespace condolock::engine::redis
