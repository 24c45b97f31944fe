// Connections between runs and the server. On one of them everything arrives in order; what was sent on two does not.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "sim/dice.hpp"
#include "sim/scenario.hpp"
#include "sim/server.hpp"

namespace condolock::sim {

namespace arrival {
struct Connected {};
struct Refused {};
struct Closed {};
}  // namespace arrival
using Arrival = std::variant<arrival::Connected, arrival::Refused, arrival::Closed, Answer>;

class Network {
 public:
  using Receiver = std::function<void(Arrival)>;

  Network(Agenda& agenda, const Scenario& scenario, Server& server, Trace& trace);

  // For a run; the receiver is told Connected or Refused. Connections have numbers.
  int open(const RunSpec& run, Receiver receiver);
  void send(int number, const Request& request);
  // By the client, or by its kernel when it has died.
  void close(int number);
  // The server is gone, with all that it had open.
  void break_all();
  // Nothing gets through between this host and the server until then.
  void cut_off(int host, Nanos until) { cut_until_[static_cast<std::size_t>(host)] = until; }
  // Nobody is there any more who could close a connection, or hear that it was closed.
  void go_silent(int number);
  // What is to be done to a request when it arrives, and how much later the server takes it.
  void on_arrival(std::function<Nanos(const RunSpec&, Request&)> what) { on_arrival_ = std::move(what); }
  // Nothing happens to messages from now on.
  void calm_down() { calm_ = true; }
  // The messages that something happened to.
  const std::set<std::string>& faulted() const { return faulted_; }

 private:
  struct Fate {
    Nanos late = 0;
    bool lost = false;     // and so is all that comes behind it
    bool breaks = false;   // the connection, when it has arrived
    bool refused = false;  // and so it never does
    Nanos again = 0;       // it arrives once more, so much later; 0: no
  };
  struct Connection {
    const RunSpec* run;
    Receiver receiver;
    bool client_open = true;
    bool server_open = false;
    bool stalled_out = false;
    bool stalled_in = false;
    Nanos out_free = 0;  // the last that was sent arrives then
    Nanos in_free = 0;
  };

  Connection& at(int connection) { return connections_[static_cast<std::size_t>(connection)]; }
  Nanos travel(const Connection& connection);
  Fate fate(const Connection& connection, int number, bool is_answer);
  void arrive(int number, Request request, const Fate& what);
  void repeat(const Request& request, Nanos later);
  void answer(int number, Answer what);
  void close_from_server(int number, Nanos when);

  Agenda& agenda_;
  const Scenario& scenario_;
  Server& server_;
  Trace& trace_;
  Dice dice_;
  bool calm_ = false;
  std::function<Nanos(const RunSpec&, Request&)> on_arrival_;
  std::vector<Connection> connections_;
  std::vector<Nanos> cut_until_;
  std::vector<int> sent_;  // by run
  std::set<std::string> faulted_;
};

}  // namespace condolock::sim
