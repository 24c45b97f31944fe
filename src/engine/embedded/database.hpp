// An open SQLite database of ours: the connection, what is allowed on it, and its schema.
//
// Nothing in the file may run code or take forever. Triggers, views and extensions are off, the tables must be defined
// exactly as here, and no statement runs past the deadline.
#pragma once

#include <cstdint>
#include <string>

#include "engine/embedded/shared_files.hpp"
#include "engine/embedded/store.hpp"

struct sqlite3;

namespace condolock::engine::embedded {

class Database {
 public:
  // Opens the database in the directory, and creates what is missing. Throws StoreError.
  Database(const std::string& directory, Instant deadline);
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  ~Database();

  sqlite3* connection() const { return db_; }
  SharedFiles& files() { return files_; }
  const SharedFiles& files() const { return files_; }
  void set_deadline(Instant deadline) { deadline_ = deadline; }

  bool has_triggers();
  void execute(const char* sql);
  // Throws the StoreError for an SQLite result code.
  [[noreturn]] void fail(int code) const;

 private:
  void open();
  void close();
  void harden();
  void prepare();
  void create();
  std::int64_t version();
  std::string definitions();
  std::string text(const char* sql);
  int system_error() const;

  SharedFiles files_;
  sqlite3* db_ = nullptr;
  Instant deadline_;
};

}  // namespace condolock::engine::embedded
