// A transport for a Session and a discovery for an engine. The test decides what arrives, and where a server is.
#pragma once

#include <poll.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "engine/redis/discovery.hpp"
#include "engine/redis/transport.hpp"

namespace support {

class FakeTransport final : public condolock::engine::redis::Transport {
 public:
  // Shared with the test, which may live longer than the transport.
  struct State {
    bool connected = true;
    std::string error;
    bool local = false;  // the error is a failure of this machine
    std::vector<std::string> writes;
    std::string arrived;  // arrived, and not yet taken
    // Answers each write, if set.
    std::function<std::string(const std::string&)> answer;
  };

  explicit FakeTransport(std::shared_ptr<State> state) : state_(std::move(state)) {}

  condolock::engine::Interest interest() const override { return {-1, POLLIN, {}}; }
  void advance(short /*revents*/) override {}
  bool is_connected() const override { return state_->connected && state_->error.empty(); }
  const std::string& error() const override { return state_->error; }
  condolock::engine::Fault fault() const override {
    return state_->local ? condolock::engine::Fault::local : condolock::engine::Fault::unreachable;
  }
  void send(std::string_view bytes) override {
    state_->writes.emplace_back(bytes);
    if (state_->answer) state_->arrived += state_->answer(state_->writes.back());
  }
  std::size_t receive(char* into, std::size_t size) override {
    const std::size_t got = state_->arrived.copy(into, size);
    state_->arrived.erase(0, got);
    return got;
  }
  bool is_quiet() override { return state_->error.empty() && state_->arrived.empty(); }

 private:
  std::shared_ptr<State> state_;
};

// Returns the nth list of addresses to the nth search, and the last list to all later ones. An empty list is a failure.
class FakeDiscovery : public condolock::engine::redis::Discovery {
 public:
  using Addresses = std::vector<condolock::engine::redis::Address>;

  FakeDiscovery(std::vector<Addresses> looks, int& count) : looks_(std::move(looks)), count_(count) {}

  void start(condolock::Instant /*now*/, condolock::Instant /*deadline*/) override { ++count_; }
  void cancel() override {}
  condolock::engine::Interest interest() const override { return {}; }
  std::optional<condolock::engine::Answered<Addresses>> advance(short /*revents*/, condolock::Instant /*now*/) override {
    const Addresses& found = looks_.at(std::min(static_cast<std::size_t>(count_), looks_.size()) - 1);
    if (found.empty())
      return condolock::engine::Failure{condolock::engine::Fault::unreachable, false, false, "nobody knows"};
    return found;
  }
  std::string pending() const override { return "nobody knows"; }
  bool can_change() const override { return true; }

 private:
  std::vector<Addresses> looks_;
  int& count_;
};

}  // namespace support
