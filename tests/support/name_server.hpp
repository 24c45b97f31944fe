#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <thread>

#include "util/fd.hpp"

namespace support {

// A DNS server on loopback that knows these names and their IPv4 addresses. Others do not exist (NXDOMAIN). A silent one
// takes questions and never answers.
class NameServer {
 public:
  using Names = std::map<std::string, std::string>;
  enum class Manner { answers, silent };

  explicit NameServer(Names addresses, Manner manner = Manner::answers);
  NameServer(const NameServer&) = delete;
  NameServer& operator=(const NameServer&) = delete;
  ~NameServer();

  // "127.0.0.1:PORT", as Resolver takes it.
  std::string address() const;

 private:
  void serve();

  Names addresses_;
  Manner manner_;
  condolock::util::Fd socket_;
  condolock::util::Fd stop_;  // an eventfd
  std::thread thread_;
};

}  // namespace support
