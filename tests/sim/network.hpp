// Connections between runs and the server. One connection keeps the order of what is sent, two do not.
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

  // Opens a connection for a run. The receiver gets Connected or Refused. Returns the connection's number.
  int open(const RunSpec& run, Receiver receiver);
  void send(int number, const Request& request);
  // Called by the client, or by its kernel if the client has died.
  void close(int number);
  // The server is gone, and all its connections with it.
  void break_all();
  // Nothing passes between this host and the server until `until`.
  void cut_off(int host, Nanos until) { cut_until_[static_cast<std::size_t>(host)] = until; }
  // The host is gone: it neither closes the connection nor notices that it was closed.
  void go_silent(int number);
  // Sets a function that is called for each request that arrives, and that may change it. Returns how much later the server
  // gets it.
  void on_arrival(std::function<Nanos(const RunSpec&, Request&)> what) { on_arrival_ = std::move(what); }
  // No message has a fault from now on.
  void calm_down() { calm_ = true; }
  // The messages that had a fault.
  const std::set<std::string>& faulted() const { return faulted_; }

 private:
  struct Fate {
    Nanos late = 0;
    bool lost = false;     // and so is all that follows it
    bool breaks = false;   // the connection breaks when the message has arrived
    bool refused = false;  // the connection is refused, so the message never arrives
    Nanos again = 0;       // it arrives a second time, later by this; 0: no
  };
  struct Connection {
    const RunSpec* run;
    Receiver receiver;
    bool client_open = true;
    bool server_open = false;
    bool stalled_out = false;
    bool stalled_in = false;
    Nanos out_free = 0;  // when the last sent message arrives
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
  std::vector<int> sent_;  // number of messages sent, by run
  std::set<std::string> faulted_;
};

}  // namespace condolock::sim
