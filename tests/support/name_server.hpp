#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <thread>

#include "util/fd.hpp"

namespace support {

// A DNS server on loopback, over UDP and TCP, with these names. Other names do not exist (NXDOMAIN).
class NameServer {
 public:
  // A name's answers, separated by spaces: IPv4 and IPv6 addresses, or the name that it is an alias of (CNAME).
  using Names = std::map<std::string, std::string>;
  enum class Manner : std::uint8_t {
    answers,
    silent,     // takes questions and never answers
    fails,      // SERVFAIL
    babbles,    // answers with bytes that are not a DNS message
    truncates,  // over UDP, says only that the answer is too long for it
  };

  // Port 0: any. `log`: a file that gets a line for each question: "udp redis.example A". Empty: none.
  explicit NameServer(Names names, Manner manner = Manner::answers, const std::string& host = "127.0.0.1",
                      std::uint16_t port = 0, std::string log = "");
  NameServer(const NameServer&) = delete;
  NameServer& operator=(const NameServer&) = delete;
  ~NameServer();

  // "127.0.0.1:PORT", as Resolver takes it.
  std::string address() const;

 private:
  void serve();
  void serve_udp();
  void serve_tcp();
  std::string answer_to(std::string_view query, bool udp) const;

  Names names_;
  Manner manner_;
  std::string log_;
  condolock::util::Fd udp_;
  condolock::util::Fd tcp_;
  condolock::util::Fd stop_;  // an eventfd
  std::thread thread_;
};

}  // namespace support
