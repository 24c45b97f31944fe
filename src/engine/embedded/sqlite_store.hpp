// A Store in an SQLite database file, shared by the processes of one machine.
#pragma once

#include <array>
#include <memory>
#include <string>

#include "engine/embedded/store.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace condolock::engine::embedded {

class SqliteStore final : public Store {
 public:
  // Opens the file, and creates it with mode 0600 if it does not exist. Throws StoreError.
  explicit SqliteStore(const std::string& path);
  ~SqliteStore() override;

  // Whether later commits must survive a power failure too. They survive the end of the process in any case.
  void set_sync(bool sync);

  // Call after a commit: moves a long write-ahead log into the file, which waits for the disk twice. `urgent`: only a very
  // long one.
  void shorten_log(bool urgent);

  // Whether the file was removed or replaced at its path. Then other processes do not see what is written here.
  bool has_moved() const;

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

  [[noreturn]] void fail(int code) const;
  void execute(const char* sql);
  void prepare_file();
  std::int64_t number(const char* sql);

  std::string path_;
  sqlite3* db_ = nullptr;
  bool synced_ = true;
  KeyEntry entry_;  // what entry() returned last
  int logged_ = 0;  // pages in the log at the last commit
  std::array<sqlite3_stmt*, 14> statements_{};
};

}  // namespace condolock::engine::embedded
