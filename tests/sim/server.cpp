#include "sim/server.hpp"

#include <algorithm>

namespace condolock::sim {

using engine::embedded::Value;

void Server::receive(int connection, Request request) {
  if (!request.wait || take_wake_up(request.wait->key)) {
    answer(connection, request);
  } else {
    const std::uint64_t number = ++slept_;
    const Nanos longest = nanos(request.wait->at_most);
    sleepers_.push_back({connection, number, std::move(request)});
    agenda_.in(longest, [this, number] {
      wake(number);
      wake_sleepers();
    });
  }
  wake_sleepers();
}

void Server::hang_up(int connection) {
  const auto gone = [&](const Sleeper& sleeper) { return sleeper.connection == connection; };
  sleepers_.erase(std::remove_if(sleepers_.begin(), sleepers_.end(), gone), sleepers_.end());
}

Answer Server::execute(const Request& request) {
  ++calls_;
  const std::int64_t now_ms = now_us() / 1000;
  observer_.before(request, now_ms);
  store_.begin();
  const Value value = host_.run(*request.script, request.keys, request.args, store_, now_us());
  store_.commit();  // writes of a script that failed later stay, as in Redis
  Answer answer;
  if (value.kind == Value::Kind::error) answer = {Answer::Kind::error, {}, value.text};
  for (const Value& item : value.items) {
    answer.values.push_back(item.kind == Value::Kind::integer ? std::to_string(item.number) : item.text);
  }
  trace_.line(agenda_.now(), answer.values.size(), [&] {
    std::string text = "       server: " + std::string(request.script->name);
    for (std::size_t i = 0; i < request.args.size() && i < 3; ++i) text += " " + request.args[i];
    text += " ->";
    for (const std::string& part : answer.values) text += " " + (part.empty() ? "-" : part);
    return text + answer.text;
  });
  observer_.after(request, answer, now_ms);
  return answer;
}

void Server::answer(int connection, const Request& request) {
  if (!request.with_source && known_.count(request.script) == 0)
    return respond_(connection, {Answer::Kind::no_script, {}, ""});
  known_.insert(request.script);
  respond_(connection, execute(request));
}

bool Server::take_wake_up(const std::string& list) {
  return engine::embedded::run_command(store_, now_us(), {"LPOP", list}).kind == Value::Kind::text;
}

// A push wakes the first client that sleeps on the list, and its script runs at once.
void Server::wake_sleepers() {
  for (bool woken = true; woken;) {
    woken = false;
    for (const Sleeper& sleeper : sleepers_) {
      if (!take_wake_up(sleeper.request.wait->key)) continue;
      wake(sleeper.number);
      woken = true;
      break;
    }
  }
}

void Server::wake(std::uint64_t number) {
  const auto found =
      std::find_if(sleepers_.begin(), sleepers_.end(), [&](const Sleeper& sleeper) { return sleeper.number == number; });
  if (found == sleepers_.end()) return;
  const Sleeper sleeper = std::move(*found);
  sleepers_.erase(found);
  answer(sleeper.connection, sleeper.request);
}

void Server::go_down() {
  up_ = false;
  sleepers_.clear();
  known_.clear();
}

void Server::take_snapshot() { snapshot_.assign(store_); }

void Server::restore_snapshot() { store_.assign(snapshot_); }

std::vector<std::string> Server::asleep(const std::string& list) const {
  std::vector<std::string> tokens;
  for (const Sleeper& sleeper : sleepers_) {
    if (sleeper.request.wait->key == list) tokens.push_back(sleeper.request.args.at(1));
  }
  return tokens;
}

}  // namespace condolock::sim
