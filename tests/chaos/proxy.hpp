// A proxy between one host and the server, on Unix sockets. It delays, repeats, drops and cuts.
#pragma once

#include <poll.h>

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "chaos/log.hpp"
#include "engine/redis/resp.hpp"
#include "util/fd.hpp"

namespace chaos {

class Proxy {
 public:
  // Throws std::system_error.
  Proxy(const std::string& path, std::string upstream);

  bool blackhole = false;  // nothing passes, but nothing is lost: it passes later
  Nanos delay = 0;         // of all bytes, in each direction
  bool repeat = false;     // new connections: the server gets each request twice, and the client the first reply
  void cut();              // all connections
  void drop_reply();       // the next reply is lost, and its connection with it

  // Adds what to wait for in poll(2).
  void wait_for(std::vector<pollfd>& fds) const;
  // Passes on all that can be passed on now. Never blocks.
  void pump();

 private:
  struct Piece {
    Nanos due;
    std::string bytes;
  };
  struct Connection {
    condolock::util::Fd client;
    condolock::util::Fd server;
    bool repeats = false;
    std::deque<Piece> to_server, to_client;
    condolock::engine::redis::RespReader requests, replies;
    std::deque<bool> swallowed;  // for each reply to come: whether it is dropped
  };

  void accept();
  bool move(Connection& connection);
  std::string repeated(Connection& connection, std::string_view bytes);
  std::string without_repeats(Connection& connection, std::string_view bytes);

  std::string upstream_;
  condolock::util::Fd listener_;
  std::vector<std::unique_ptr<Connection>> connections_;
  bool drops_reply_ = false;
};

}  // namespace chaos
