#include "engine/embedded/sqlite_store.hpp"

#include <sqlite3.h>
#include <sys/stat.h>

#include <cerrno>
#include <charconv>
#include <functional>

#include "util/escape.hpp"

namespace condolock::engine::embedded {
namespace {

constexpr int layout = 3;

// In pages; a run writes six. A process that opens the file while no other has it open reads the whole log first.
constexpr int long_log = 64;
constexpr int too_long_log = 1024;

// Indices into `sources` and statements_.
enum Statement : std::size_t {
  begin_now,
  commit_now,
  roll_back,
  get_entry,
  put_entry,
  drop_entry,
  drop_items,
  get_item,
  put_item,
  drop_item,
  count_items,
  get_range,
  get_rank,
  all_keys,
};

constexpr std::array<const char*, 14> sources{
    "BEGIN IMMEDIATE",
    "COMMIT",
    "ROLLBACK",
    "SELECT kind, expires, fields FROM entry WHERE key = ?1",
    "INSERT INTO entry (key, kind, expires, fields) VALUES (?1, ?2, ?3, ?4) "
    "ON CONFLICT (key) DO UPDATE SET kind = ?2, expires = ?3, fields = ?4",
    "DELETE FROM entry WHERE key = ?1",
    "DELETE FROM item WHERE key = ?1",
    "SELECT name, score, value FROM item WHERE key = ?1 AND name = ?2 AND value IS NULL",
    "INSERT OR REPLACE INTO item (key, name, score, value) VALUES (?1, ?2, ?3, ?4)",
    "DELETE FROM item WHERE key = ?1 AND score = ?2 AND name = ?3",
    "SELECT count(*) FROM item WHERE key = ?1",
    "SELECT name, score, value FROM item WHERE key = ?1 AND score >= ?2 AND score <= ?3 ORDER BY score, name LIMIT ?4 "
    "OFFSET ?5",
    "SELECT count(*) FROM item WHERE key = ?1 AND (score, name) < (?2, ?3)",
    "SELECT key FROM entry ORDER BY key",
};

constexpr const char* schema =
    // With a rowid, a whole record fits on its page. WITHOUT ROWID, only a quarter of that would.
    "CREATE TABLE entry (key BLOB NOT NULL UNIQUE, kind INTEGER NOT NULL, expires INTEGER, fields BLOB NOT NULL);"
    "CREATE TABLE item (key BLOB, score REAL, name BLOB, value BLOB, PRIMARY KEY (key, score, name)) WITHOUT ROWID;"
    // Only members of sorted sets are looked up by name, and only they have no value.
    "CREATE UNIQUE INDEX member ON item (key, name) WHERE value IS NULL;"
    "PRAGMA user_version = 3";

// Encodes a hash as text: for each name and each value its length, a colon and the bytes.
std::string packed(const KeyEntry& entry) {
  std::string out;
  for (const auto& [name, value] : entry.fields) {
    for (const std::string& each : {std::cref(name), std::cref(value)})
      out.append(std::to_string(each.size())).append(":").append(each);
  }
  return out;
}

// Returns nothing for a text that packed() never writes.
std::optional<decltype(KeyEntry::fields)> unpacked(std::string_view text) {
  decltype(KeyEntry::fields) fields;
  std::array<std::string, 2> pair;
  while (!text.empty()) {
    for (std::string& each : pair) {
      std::size_t length = 0;
      const char* end = text.data() + text.size();
      const auto [colon, error] = std::from_chars(text.data(), end, length);
      if (error != std::errc() || colon == end || *colon != ':' || (text[0] == '0' && text[1] != ':')) return std::nullopt;
      text.remove_prefix(static_cast<std::size_t>(colon - text.data()) + 1);
      if (length > text.size()) return std::nullopt;
      each = text.substr(0, length);
      text.remove_prefix(length);
    }
    if (!fields.empty() && pair[0] <= fields.rbegin()->first) return std::nullopt;
    fields.emplace_hint(fields.end(), std::move(pair[0]), std::move(pair[1]));
  }
  return fields;
}

std::string blob(sqlite3_stmt* statement, int column) {
  const void* data = sqlite3_column_blob(statement, column);
  const int size = sqlite3_column_bytes(statement, column);
  return data == nullptr ? "" : std::string(static_cast<const char*>(data), static_cast<std::size_t>(size));
}

Fault fault_of(int code) {
  switch (code & 0xFF) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return Fault::malformed;
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_AUTH:
      return Fault::denied;
    case SQLITE_FULL:
      return Fault::write_refused;
    case SQLITE_ERROR:
    case SQLITE_INTERNAL:
    case SQLITE_MISUSE:
      return Fault::unexpected;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
      return Fault::not_ready;
    default:
      return Fault::local;  // no memory, an I/O error
  }
}

}  // namespace

// One use of a prepared statement; the destructor resets it for the next.
class SqliteStore::Query {
 public:
  Query(SqliteStore& store, Statement which) : store_(store), statement_(store.statements_.at(which)) {
    if (statement_ != nullptr) return;
    const int code = sqlite3_prepare_v3(store.db_, sources.at(which), -1, SQLITE_PREPARE_PERSISTENT,
                                        &store.statements_.at(which), nullptr);
    if (code != SQLITE_OK) store.fail(code);
    statement_ = store.statements_.at(which);
  }
  Query(const Query&) = delete;
  Query& operator=(const Query&) = delete;
  ~Query() {
    sqlite3_reset(statement_);
    sqlite3_clear_bindings(statement_);
  }

  // `text` must outlive the query.
  Query& bind(int at, std::string_view text) {
    sqlite3_bind_blob(statement_, at, text.empty() ? "" : text.data(), static_cast<int>(text.size()), SQLITE_STATIC);
    return *this;
  }
  Query& bind(int at, std::int64_t number) {
    sqlite3_bind_int64(statement_, at, number);
    return *this;
  }
  Query& bind(int at, double number) {
    sqlite3_bind_double(statement_, at, number);
    return *this;
  }

  // Returns whether there is a row. Throws StoreError.
  bool step() {
    const int code = sqlite3_step(statement_);
    if (code != SQLITE_ROW && code != SQLITE_DONE) store_.fail(code);
    return code == SQLITE_ROW;
  }
  std::string text(int column) const { return blob(statement_, column); }
  Item item() const {
    Item item{text(0), sqlite3_column_double(statement_, 1), {}};
    if (!is_null(2)) item.value = text(2);
    return item;
  }
  std::int64_t integer(int column) const { return sqlite3_column_int64(statement_, column); }
  bool is_null(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }

 private:
  SqliteStore& store_;
  sqlite3_stmt* statement_;
};

SqliteStore::SqliteStore(const std::string& path) : path_(path) {
  // The file holds secret tokens, so only its owner may read it. SQLite gives its -wal and -shm files the same mode. This
  // uses mknod, because closing a descriptor of the file would drop all of the process's locks on it (POSIX).
  if (mknod(path.c_str(), S_IFREG | 0600, 0) == 0) chmod(path.c_str(), 0600);  // the umask may have taken some of it
  const int code = sqlite3_open_v2(path.c_str(), &db_, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
  try {
    if (code != SQLITE_OK) fail(code);
    sqlite3_extended_result_codes(db_, 1);
    // By default the last process to close the file copies the log into it, which waits for the disk twice. shorten_log()
    // does that only when the log is long.
    sqlite3_db_config(db_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
    sqlite3_db_config(db_, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
    prepare_file();
  } catch (...) {
    sqlite3_close_v2(db_);
    throw;
  }
}

SqliteStore::~SqliteStore() {
  for (sqlite3_stmt* statement : statements_) sqlite3_finalize(statement);
  sqlite3_close_v2(db_);
}

void SqliteStore::fail(int code) const {
  const int kind = code & 0xFF;
  const bool busy = kind == SQLITE_BUSY || kind == SQLITE_LOCKED || kind == SQLITE_PROTOCOL;
  // A lack of descriptors or memory may pass, so it is not reported as denied.
  const int error = db_ == nullptr ? 0 : sqlite3_system_errno(db_);
  const bool transient = kind == SQLITE_CANTOPEN && (error == EMFILE || error == ENFILE || error == ENOMEM);
  throw StoreError(transient ? Fault::local : fault_of(code),
                   util::escape(path_) + ": " + (db_ == nullptr ? sqlite3_errstr(code) : sqlite3_errmsg(db_)), busy);
}

void SqliteStore::execute(const char* sql) {
  const int code = sqlite3_exec(db_, sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) fail(code);
}

std::int64_t SqliteStore::number(const char* sql) {
  sqlite3_stmt* statement = nullptr;
  int code = sqlite3_prepare_v2(db_, sql, -1, &statement, nullptr);
  if (code == SQLITE_OK) code = sqlite3_step(statement);
  const std::int64_t found = code == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : 0;
  sqlite3_finalize(statement);
  if (code != SQLITE_ROW) fail(code);
  return found;
}

void SqliteStore::prepare_file() {
  // Version 0 with tables means another program's database, which must not be changed. Another condolock may have created
  // the tables, together with the version, between the first two reads. So the version is read again.
  const auto version = [this] {
    std::int64_t found = number("PRAGMA user_version");
    if (found == 0 && number("SELECT count(*) FROM sqlite_schema") > 0) {
      found = number("PRAGMA user_version");
      if (found == 0) throw StoreError(Fault::malformed, util::escape(path_) + " is the database of another program");
    }
    return found;
  };
  std::int64_t found = version();
  if (found == 0) {
    execute("PRAGMA page_size = 1024");  // small, since each changed page goes into the log whole
    execute("PRAGMA journal_mode = WAL");
    // Several processes may be the first at once: one of them creates the tables.
    execute("BEGIN IMMEDIATE");
    try {
      if (version() == 0) execute(schema);
      execute("COMMIT");
    } catch (...) {
      rollback();
      throw;
    }
    found = version();
  }
  if (found != layout) {
    throw StoreError(Fault::malformed, util::escape(path_) + " has version " + std::to_string(found) +
                                           (found > layout ? ": upgrade condolock on this host"
                                                           : ", of a condolock that never was released: move it away"));
  }
  set_sync(false);
  sqlite3_wal_hook(
      db_,
      [](void* store, sqlite3* /*db*/, const char* /*name*/, int pages) {
        static_cast<SqliteStore*>(store)->logged_ = pages;
        return SQLITE_OK;
      },
      this);
}

void SqliteStore::set_sync(bool sync) {
  if (sync == synced_) return;
  execute(sync ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
  synced_ = sync;
}

bool SqliteStore::has_moved() const {
  int moved = 0;
  return sqlite3_file_control(db_, "main", SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK && moved != 0;
}

void SqliteStore::begin() { Query(*this, begin_now).step(); }

void SqliteStore::commit() { Query(*this, commit_now).step(); }

void SqliteStore::shorten_log(bool urgent) {
  if (logged_ < (urgent ? too_long_log : long_log)) return;
  // The log must also be truncated, or the next process that opens the file reads it all again. TRUNCATE blocks writers, so
  // PASSIVE first does the part that waits for the disk. If another process prevents that, a later call truncates.
  sqlite3_wal_checkpoint_v2(db_, nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
  if (sqlite3_wal_checkpoint_v2(db_, nullptr, SQLITE_CHECKPOINT_TRUNCATE, nullptr, nullptr) == SQLITE_OK) logged_ = 0;
}

void SqliteStore::rollback() noexcept {
  if (sqlite3_get_autocommit(db_) == 0) sqlite3_exec(db_, sources[roll_back], nullptr, nullptr, nullptr);
}

const KeyEntry* SqliteStore::entry(std::string_view key) {
  Query query(*this, get_entry);
  if (!query.bind(1, key).step()) return nullptr;
  const std::int64_t kind = query.integer(0);
  auto fields = unpacked(query.text(2));
  const bool readable = fields && kind >= 0 && kind < static_cast<std::int64_t>(Kind::unreadable);
  entry_ = {};
  entry_.kind = readable ? static_cast<Kind>(kind) : Kind::unreadable;
  if (readable) entry_.fields = *std::move(fields);
  if (!query.is_null(1)) entry_.expires = query.integer(1);
  return &entry_;
}

void SqliteStore::set_entry(std::string_view key, KeyEntry entry) {
  const std::string fields = packed(entry);
  Query query(*this, put_entry);
  query.bind(1, key).bind(2, static_cast<std::int64_t>(entry.kind)).bind(4, fields);
  if (entry.expires) query.bind(3, *entry.expires);
  query.step();
}

void SqliteStore::erase(std::string_view key) {
  Query(*this, drop_entry).bind(1, key).step();
  Query(*this, drop_items).bind(1, key).step();
}

std::optional<Item> SqliteStore::get(std::string_view key, std::string_view name) {
  Query query(*this, get_item);
  if (!query.bind(1, key).bind(2, name).step()) return std::nullopt;
  return query.item();
}

void SqliteStore::put(std::string_view key, const Item& item) {
  Query query(*this, put_item);
  query.bind(1, key).bind(2, item.name).bind(3, item.score);
  if (item.value) query.bind(4, *item.value);
  query.step();
}

void SqliteStore::remove(std::string_view key, const Item& item) {
  Query(*this, drop_item).bind(1, key).bind(2, item.score).bind(3, item.name).step();
}

std::int64_t SqliteStore::count(std::string_view key) {
  Query query(*this, count_items);
  query.bind(1, key).step();
  return query.integer(0);
}

std::vector<Item> SqliteStore::range(std::string_view key, const Range& range) {
  Query query(*this, get_range);
  query.bind(1, key).bind(2, range.min).bind(3, range.max).bind(4, range.limit).bind(5, range.skip);
  std::vector<Item> out;
  while (query.step()) out.push_back(query.item());
  return out;
}

std::int64_t SqliteStore::rank(std::string_view key, double score, std::string_view name) {
  Query query(*this, get_rank);
  query.bind(1, key).bind(2, score).bind(3, name).step();
  return query.integer(0);
}

std::vector<std::string> SqliteStore::keys() {
  Query query(*this, all_keys);
  std::vector<std::string> out;
  while (query.step()) out.push_back(query.text(0));
  return out;
}

}  // namespace condolock::engine::embedded
