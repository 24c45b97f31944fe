#include "sim/network.hpp"

#include <algorithm>

namespace condolock::sim {

Network::Network(Agenda& agenda, const Scenario& scenario, Server& server, Trace& trace)
    : agenda_(agenda),
      scenario_(scenario),
      server_(server),
      trace_(trace),
      dice_(scenario.seed, {2}),
      cut_until_(scenario.hosts.size(), 0) {
  server_.on_answer([this](int connection, Answer what) { answer(connection, std::move(what)); });
}

int Network::open(const RunSpec& run, Receiver receiver) {
  const int number = static_cast<int>(connections_.size());
  connections_.push_back({&run, std::move(receiver)});
  const Nanos there = agenda_.now() + travel(at(number));
  agenda_.at(there, [this, number] {
    Connection& connection = at(number);
    connection.server_open = server_.is_up();
    connection.out_free = agenda_.now();
    agenda_.in(travel(connection), [this, number] {
      Connection& back = at(number);
      back.in_free = agenda_.now();
      if (!back.client_open) return;
      if (back.server_open) return back.receiver(arrival::Connected{});
      back.client_open = false;
      back.receiver(arrival::Refused{});
    });
  });
  return number;
}

// One way, without faults.
Nanos Network::travel(const Connection& connection) {
  const Nanos length = dice_.between(20 * microsecond, scenario_.latency);
  return std::max<Nanos>(0, cut_until_[static_cast<std::size_t>(connection.run->host)] - agenda_.now()) + length;
}

Network::Fate Network::fate(const Connection& connection, int number, bool is_answer) {
  Fate fate;
  if (calm_ || scenario_.message_fault_rate == 0) return fate;
  const int run = connection.run->number;
  Dice dice(scenario_.seed, {3, static_cast<std::uint64_t>(run), static_cast<std::uint64_t>(number), is_answer ? 1U : 0U});
  if (!dice.chance(scenario_.message_fault_rate)) return fate;
  const std::string name = "m" + std::to_string(run) + "." + std::to_string(number) + (is_answer ? "a" : "q");
  if (scenario_.is_without(name)) return fate;
  faulted_.insert(name);
  const Nanos some = dice.between(0, dice.one_of<Nanos>({300 * millisecond, 2 * second, 8 * second, 20 * second}));
  const std::int64_t what = dice.between(0, is_answer ? 2 : 4);
  if (what == 0) fate.late = some;
  if (what == 1) fate.lost = true;
  if (what == 2) fate.breaks = true;
  if (what == 3) fate.again = some + 1;
  if (what == 4) fate.refused = true;
  trace_.line(agenda_.now(), static_cast<std::uint64_t>(what), [&] {
    const char* const words[] = {" is late", " is lost", " breaks its connection", " arrives twice",
                                 " breaks its connection before it arrives"};
    return name + ": the " + (is_answer ? "answer to" : "request of") + " r" + std::to_string(run) + words[what];
  });
  return fate;
}

void Network::send(int number, const Request& request) {
  Connection& connection = at(number);
  const auto run = static_cast<std::size_t>(connection.run->number);
  if (sent_.size() <= run) sent_.resize(run + 1);
  const Fate what = fate(connection, ++sent_[run], false);
  if (what.lost) connection.stalled_out = true;
  if (connection.stalled_out) return;
  connection.out_free = std::max(connection.out_free, agenda_.now() + travel(connection) + what.late);
  agenda_.at(connection.out_free, [this, number, request, what] { arrive(number, request, what); });
}

void Network::arrive(int number, Request request, const Fate& what) {
  const Connection& connection = at(number);
  if (!connection.server_open || !server_.is_up()) return close_from_server(number, agenda_.now());
  if (what.refused) {
    server_.hang_up(number);
    return close_from_server(number, agenda_.now());
  }
  if (what.again > 0) repeat(request, what.again);
  const Nanos later = on_arrival_ ? on_arrival_(*connection.run, request) : 0;
  if (later > 0) {
    agenda_.in(later, [this, number, request] { server_.receive(number, request); });
  } else {
    server_.receive(number, std::move(request));
  }
  if (!what.breaks) return;
  server_.hang_up(number);
  close_from_server(number, agenda_.now());
}

// A device on the way may send the request again, and drop the answer.
void Network::repeat(const Request& request, Nanos later) {
  Request again = request;
  again.wait.reset();
  agenda_.in(later, [this, again] {
    if (server_.is_up()) server_.receive(-1, again);
  });
}

void Network::answer(int number, Answer what) {
  if (number < 0) return;
  Connection& connection = at(number);
  if (!connection.server_open || connection.stalled_in) return;
  const auto run = static_cast<std::size_t>(connection.run->number);
  const Fate bad = fate(connection, sent_[run], true);
  if (bad.lost) connection.stalled_in = true;
  if (connection.stalled_in) return;
  if (bad.breaks) {
    server_.hang_up(number);
    return close_from_server(number, agenda_.now());
  }
  connection.in_free = std::max(connection.in_free, agenda_.now() + travel(connection) + bad.late);
  agenda_.at(connection.in_free, [this, number, what = std::move(what)] {
    Connection& arrived = at(number);
    if (arrived.client_open) arrived.receiver(what);
  });
}

void Network::close(int number) {
  Connection& connection = at(number);
  if (!connection.client_open) return;
  connection.client_open = false;
  // While the host is cut off, this does not arrive either, until a kernel has given up.
  const Nanos later = connection.stalled_out ? dice_.between(second, 15 * second) : 0;
  const Nanos there = std::max(connection.out_free, agenda_.now() + travel(connection)) + later;
  agenda_.at(there, [this, number] {
    if (!at(number).server_open) return;
    at(number).server_open = false;
    server_.hang_up(number);
  });
}

void Network::go_silent(int number) { at(number).client_open = false; }

void Network::close_from_server(int number, Nanos when) {
  Connection& connection = at(number);
  connection.server_open = false;
  const Nanos there = std::max(connection.in_free, when + travel(connection));
  agenda_.at(there, [this, number] {
    Connection& closed = at(number);
    if (closed.client_open && !closed.stalled_in) closed.receiver(arrival::Closed{});
    closed.client_open = closed.client_open && closed.stalled_in;
  });
}

void Network::break_all() {
  for (std::size_t i = 0; i < connections_.size(); ++i) {
    if (connections_[i].server_open) close_from_server(static_cast<int>(i), agenda_.now());
  }
}

}  // namespace condolock::sim
