// The files of the embedded engine: who may write them, what happens when they vanish, and how a waiter is woken.
#include <doctest/doctest.h>
#include <poll.h>
#include <sys/stat.h>

#include <filesystem>

#include "engine/ask.hpp"
#include "engine/embedded/embedded_engine.hpp"
#include "engine/embedded/sqlite_store.hpp"
#include "lock/verbs.hpp"
#include "support/temporary_directory.hpp"

using namespace condolock;
namespace fs = std::filesystem;

namespace {

namespace embedded = engine::embedded;

constexpr const char* database_names[] = {"/condolock.db", "/condolock.db-wal", "/condolock.db-shm", "/condolock.lock"};

// The text of the StoreError, or "".
std::string refusal(const std::string& directory, engine::Fault fault) {
  try {
    const embedded::SqliteStore store(directory);
    return "";
  } catch (const embedded::StoreError& error) {
    CHECK(error.fault == fault);
    return error.what();
  }
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// Puts another file with the same content in its place. Processes that have the old one open keep it.
void replace(const std::string& path) {
  fs::copy_file(path, path + ".new");
  fs::permissions(path + ".new", fs::perms::owner_read | fs::perms::owner_write);
  fs::rename(path + ".new", path);
}

lock::Attempt attempt_of(const std::string& token) {
  lock::Attempt made;
  made.job = {"ns", "K"};
  made.token = token;
  made.lease = Millis(60'000);
  return made;
}

lock::Decision decide(engine::Engine& engine, const engine::Call& call) {
  return lock::decode_decision(engine::ask(engine, call, Millis(5000)), 0).value();
}

engine::Call acquire_of(const std::string& token, Millis patience = Millis(0)) {
  return lock::acquire_call(attempt_of(token), {}, {.patience = patience});
}

}  // namespace

TEST_CASE("database files: a directory that others may write is refused") {
  const support::TemporaryDirectory above;
  const std::string path = above.path() + "/state";
  for (const mode_t mode : {0777U, 01777U, 0770U, 0720U, 0702U}) {
    fs::create_directory(path);
    REQUIRE(chmod(path.c_str(), mode) == 0);
    CHECK(contains(refusal(path, engine::Fault::denied), path + " is writable by others"));
    CHECK(fs::is_empty(path));
  }
  for (const mode_t mode : {0700U, 0755U, 02750U}) {
    REQUIRE(chmod(path.c_str(), mode) == 0);
    CHECK(refusal(path, engine::Fault::denied).empty());
  }
}

TEST_CASE("database files: links are not followed") {
  const support::TemporaryDirectory above;
  const std::string path = above.path() + "/state";
  fs::create_directory(above.path() + "/real");
  fs::create_symlink("real", path);
  CHECK(contains(refusal(path, engine::Fault::denied), path + " is a link"));
  CHECK(refusal(path + "/below", engine::Fault::denied).empty());  // a parent may be a link of our own
  for (const char* name : database_names) {
    fs::remove_all(path);
    fs::create_directory(path);
    fs::create_symlink(above.path() + "/target", path + name);
    CHECK(contains(refusal(path, engine::Fault::denied), path + name + " is a link"));
    CHECK_FALSE(fs::exists(above.path() + "/target"));
  }
}

TEST_CASE("database files: a removed or replaced file is noticed, and a new run is refused") {
  for (const char* name : database_names) {
    for (const bool removed : {true, false}) {
      CAPTURE(name);
      CAPTURE(removed);
      const support::TemporaryDirectory directory;
      const std::string path = directory.path() + name;
      embedded::SqliteStore store(directory.path());
      CHECK_FALSE(store.files().have_changed());
      if (removed) {
        fs::remove(path);
      } else {
        replace(path);
      }
      CHECK(store.files().have_changed());
      // Without the lock file no process knows of the holder, but the database is the same.
      if (path.ends_with(".lock")) continue;
      const std::string text = refusal(directory.path(), engine::Fault::malformed);
      CHECK(contains(text, path + " was removed or replaced while another process uses it"));
    }
  }
}

TEST_CASE("database files: a process that is alone may use other files") {
  const support::TemporaryDirectory directory;
  const auto open = [&] { return std::make_unique<embedded::SqliteStore>(directory.path()); };
  for (const char* name : database_names) {
    auto store = open();
    replace(directory.path() + name);
    store.reset();
    CHECK_FALSE(open()->files().have_changed());
    fs::remove(directory.path() + name);
    CHECK_FALSE(open()->files().have_changed());
  }
}

TEST_CASE("database files: the holder's next step writes to the new files") {
  const support::TemporaryDirectory directory;
  embedded::EmbeddedEngine holder(embedded::DatabaseLocation{directory.path()});
  const auto grant = std::get<lock::Grant>(decide(holder, acquire_of("a")));
  for (const char* name : database_names) fs::remove(directory.path() + name);
  const auto renewed = engine::ask(holder, lock::renew_call(attempt_of("a"), grant), Millis(5000));
  CHECK(lock::decode_renewal(renewed).value() == lock::Renewal::reasserted);
  embedded::EmbeddedEngine newcomer(embedded::DatabaseLocation{directory.path()});
  CHECK(std::holds_alternative<lock::Held>(decide(newcomer, acquire_of("b"))));
}

TEST_CASE("database files: no statement runs past the deadline") {
  const support::TemporaryDirectory directory;
  embedded::SqliteStore store(directory.path());
  store.begin();
  store.set_entry("k", {embedded::Kind::zset});
  for (int i = 0; i < 3000; ++i) store.put("k", {std::to_string(i), static_cast<double>(i), {}});
  store.commit();
  CHECK(store.range("k", {}).size() == 3000);
  store.set_deadline(BootClock::now());
  try {
    store.range("k", {});
    FAIL("it ran");
  } catch (const embedded::StoreError& error) {
    CHECK(error.fault == engine::Fault::not_ready);
    CHECK_FALSE(error.busy);
  }
}

TEST_CASE("database files: a commit wakes a waiter, which goes before a new run") {
  const support::TemporaryDirectory directory;
  const embedded::DatabaseLocation location{directory.path()};
  embedded::EmbeddedEngine holder(location);
  embedded::EmbeddedEngine waiter(location);
  embedded::EmbeddedEngine newcomer(location);
  const auto grant = std::get<lock::Grant>(decide(holder, acquire_of("a")));
  REQUIRE(std::holds_alternative<lock::Held>(decide(waiter, acquire_of("b", Millis(20'000)))));

  Instant now = BootClock::now();
  engine::Call wait = acquire_of("b", Millis(20'000));
  wait.wait = engine::Wait{attempt_of("b").job.wake(), Millis(20'000)};
  wait.deadline = now + Millis(25'000);
  waiter.start(wait, now);
  CHECK_FALSE(waiter.advance(0, now));
  REQUIRE(waiter.interest().fd >= 0);
  pollfd bell{waiter.interest().fd, waiter.interest().events, 0};
  CHECK(poll(&bell, 1, 0) == 0);
  CHECK(engine::ask(holder, lock::finish_call(attempt_of("a"), grant, lock::Outcome::success, 0), Millis(5000)).answer);
  CHECK(poll(&bell, 1, 10'000) == 1);

  now = BootClock::now();
  engine::Call late = acquire_of("c");
  late.deadline = now + Millis(5000);
  newcomer.start(late, now);
  CHECK_FALSE(newcomer.advance(0, now));
  CHECK_FALSE(newcomer.advance(0, now + Millis(10)));
  const auto woken = waiter.advance(bell.revents, now);
  REQUIRE(woken);
  CHECK(std::holds_alternative<lock::Grant>(lock::decode_decision(*woken, 0).value()));
  const auto refused = newcomer.advance(0, now + Millis(50));
  REQUIRE(refused);
  CHECK(std::holds_alternative<lock::Held>(lock::decode_decision(*refused, 0).value()));
}

TEST_CASE("database files: a new run does not wait for a waiter that has ended") {
  const support::TemporaryDirectory directory;
  embedded::EmbeddedEngine holder(embedded::DatabaseLocation{directory.path()});
  const auto grant = std::get<lock::Grant>(decide(holder, acquire_of("a")));
  REQUIRE(std::holds_alternative<lock::Held>(decide(holder, acquire_of("b", Millis(20'000)))));
  REQUIRE(engine::ask(holder, lock::finish_call(attempt_of("a"), grant, lock::Outcome::success, 0), Millis(5000)).answer);
  const Instant now = BootClock::now();
  engine::Call call = acquire_of("c");
  call.deadline = now + Millis(5000);
  holder.start(call, now);
  const auto granted = holder.advance(0, now);
  REQUIRE(granted);
  CHECK(std::holds_alternative<lock::Grant>(lock::decode_decision(*granted, 0).value()));
}

TEST_CASE("database files: a new run does not wait long for a stopped waiter") {
  const support::TemporaryDirectory directory;
  const embedded::DatabaseLocation location{directory.path()};
  embedded::EmbeddedEngine holder(location);
  embedded::EmbeddedEngine waiter(location);
  const auto grant = std::get<lock::Grant>(decide(holder, acquire_of("a")));
  REQUIRE(std::holds_alternative<lock::Held>(decide(waiter, acquire_of("b", Millis(20'000)))));
  Instant now = BootClock::now();
  engine::Call wait = acquire_of("b", Millis(20'000));
  wait.wait = engine::Wait{attempt_of("b").job.wake(), Millis(20'000)};
  wait.deadline = now + Millis(25'000);
  waiter.start(wait, now);
  REQUIRE_FALSE(waiter.advance(0, now));
  REQUIRE(engine::ask(holder, lock::finish_call(attempt_of("a"), grant, lock::Outcome::success, 0), Millis(5000)).answer);
  now = BootClock::now();
  engine::Call call = acquire_of("c");
  call.deadline = now + Millis(5000);
  holder.start(call, now);
  CHECK_FALSE(holder.advance(0, now));
  const auto granted = holder.advance(0, now + Millis(101));
  REQUIRE(granted);
  CHECK(std::holds_alternative<lock::Grant>(lock::decode_decision(*granted, 0).value()));
}
