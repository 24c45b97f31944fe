// The protocol on an engine in memory, with a stopped clock.
#pragma once

#include <string>
#include <vector>

#include "engine/embedded/embedded_engine.hpp"
#include "engine/embedded/memory_store.hpp"
#include "lock/record.hpp"
#include "lock/verbs.hpp"

namespace fuzz {

inline constexpr std::int64_t memory_now = 1'795'507'820'000;  // ms since 1970

class MemoryJob {
 public:
  MemoryJob();

  // Asks the engine. An error of a script is a fault.
  condolock::engine::Reply ask(condolock::engine::Call call);
  // Runs one command of Redis. False: it is refused.
  bool command(const std::vector<std::string>& words);
  // Everything that is stored, as text. A refusal may wake a waiter, so wake-ups can be left out.
  enum class WakeUps : std::uint8_t { kept, left_out };
  std::string stored(WakeUps wake_ups = WakeUps::kept);

  void clear() { store_.assign({}); }
  void save() { saved_.assign(store_); }
  void restore() { store_.assign(saved_); }

 private:
  condolock::engine::embedded::MemoryStore store_;
  condolock::engine::embedded::MemoryStore saved_;
  condolock::engine::embedded::EmbeddedEngine engine_;
};

// An attempt to run the job K.
condolock::lock::Attempt attempt(const std::string& token, std::int64_t slots = 1);

}  // namespace fuzz
