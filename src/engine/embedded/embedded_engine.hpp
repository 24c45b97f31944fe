// The engine for one machine without a server. It runs the same scripts in Lua on a Store, each in one transaction.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "engine/embedded/location.hpp"
#include "engine/embedded/script_host.hpp"
#include "engine/embedded/sqlite_store.hpp"
#include "engine/embedded/store.hpp"
#include "engine/engine.hpp"
#include "util/random.hpp"

namespace condolock::engine::embedded {

class EmbeddedEngine final : public Engine {
 public:
  // The system clock, in microseconds since 1970.
  static std::int64_t wall_clock();

  // Uses a database file. The first call opens it, and creates it if it does not exist.
  explicit EmbeddedEngine(DatabaseLocation location);
  // Uses the caller's store, which must outlive the engine, and the caller's clock, in microseconds since 1970.
  EmbeddedEngine(Store& store, std::function<std::int64_t()> clock);

  void start(Call call, Instant now) override;
  void cancel() override;
  Interest interest() const override;
  std::optional<Reply> advance(short revents, Instant now) override;

 private:
  bool is_asleep(Instant now);
  bool gives_way(Instant now);
  bool has_wake_up(const std::string& key);
  void run(Instant now);
  void open(Instant now);
  void begin(Instant now);
  void sleep(Instant now);
  void end_call();
  void fail(Failure failure) { reply_ = Reply{sent_, std::move(failure), {}}; }

  std::optional<DatabaseLocation> location_;
  std::function<std::int64_t()> clock_;
  std::unique_ptr<SqliteStore> file_;
  Store* store_ = nullptr;
  std::optional<ScriptHost> host_;

  Call call_;
  bool busy_ = false;        // a call is outstanding
  bool committing_ = false;  // the commit has begun, so the script may have taken effect
  Instant first_try_{};
  Instant next_try_{};
  Instant asleep_until_{};
  Instant sent_{};
  Fault last_fault_ = Fault::unreachable;
  std::string last_error_;
  std::optional<Reply> reply_;
  util::Jitter jitter_;
};

}  // namespace condolock::engine::embedded
