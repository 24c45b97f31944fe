// A run's connection to the server: an Engine that behaves like the one over sockets (see RedisEngine), over the simulated
// network.
#pragma once

#include <deque>
#include <optional>

#include "engine/engine.hpp"
#include "sim/network.hpp"

namespace condolock::sim {

class Client final : public engine::Engine {
 public:
  // Calls `wake` when advance() has something to look at.
  Client(Network& network, const RunSpec& run, std::function<void()> wake)
      : network_(network), run_(run), wake_(std::move(wake)) {}

  void start(engine::Call call, Instant now) override;
  void cancel() override;
  engine::Interest interest() const override;
  std::optional<engine::Reply> advance(short revents, Instant now) override;

  bool has_arrivals() const { return phase_ != Phase::idle && !arrived_.empty(); }
  // The process dies; with `kernel_too`, so does its kernel.
  void die(bool kernel_too);

 private:
  enum class Phase : std::uint8_t { idle, connecting, exchanging };

  void connect();
  void exchange(bool with_source, Instant now);
  void take(const Arrival& arrival, Instant now);
  void on_answer(const Answer& answer, Instant now);
  Instant deadline() const;
  void fail(engine::Fault fault, const char* text);
  void drop_connection();

  Network& network_;
  const RunSpec& run_;
  std::function<void()> wake_;
  engine::Call call_;
  Phase phase_ = Phase::idle;
  std::optional<int> connection_;
  int opened_ = 0;  // number of connections so far
  std::deque<Arrival> arrived_;
  bool script_sent_ = false;
  Instant sent_{};
  std::optional<engine::Reply> reply_;
};

}  // namespace condolock::sim
