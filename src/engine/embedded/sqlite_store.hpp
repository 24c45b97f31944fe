// A Store in an SQLite database file, shared by the processes of one machine.
#pragma once

#include <array>
#include <string>

#include "engine/embedded/database.hpp"
#include "engine/embedded/store.hpp"

struct sqlite3_stmt;

namespace condolock::engine::embedded {

class SqliteStore final : public Store {
 public:
  // Opens the database in the directory, and creates what is missing. `deadline`: see set_deadline. Throws StoreError.
  explicit SqliteStore(const std::string& directory, Instant deadline = Instant::max());
  ~SqliteStore() override;

  // Whether later commits must survive a power failure too. They survive the end of the process in any case.
  void set_sync(bool sync);

  // Call after a commit: moves a long write-ahead log into the file, which waits for the disk twice. `urgent`: only a very
  // long one.
  void shorten_log(bool urgent);

  // Statements that still run at the deadline are interrupted.
  void set_deadline(Instant deadline) { database_.set_deadline(deadline); }

  // Triggers are off.
  bool has_triggers() { return database_.has_triggers(); }

  SharedFiles& files() { return database_.files(); }

  void begin() override;
  void commit() override;
  void rollback() noexcept override;

  const KeyEntry* entry(std::string_view key) override;
  void set_entry(std::string_view key, KeyEntry entry) override;
  void erase(std::string_view key) override;
  std::optional<Item> get(std::string_view key, std::string_view name) override;
  void put(std::string_view key, const Item& item) override;
  void remove(std::string_view key, const Item& item) override;
  std::int64_t count(std::string_view key) override;
  std::vector<Item> range(std::string_view key, const Range& range) override;
  std::int64_t rank(std::string_view key, double score, std::string_view name) override;
  std::vector<std::string> keys() override;

 private:
  class Query;

  Database database_;
  bool synced_ = false;
  KeyEntry entry_;  // what entry() returned last
  int logged_ = 0;  // pages in the log at the last commit
  std::array<sqlite3_stmt*, 14> statements_{};
};

}  // namespace condolock::engine::embedded
