#include "engine/embedded/sqlite_store.hpp"

#include <sqlite3.h>

#include <charconv>
#include <functional>

namespace condolock::engine::embedded {
namespace {

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
    // The fields of a thousand holders take a third of a MiB. Longer ones are not read: see entry().
    "SELECT kind, expires, CASE WHEN length(fields) <= 1048576 THEN fields END FROM entry WHERE key = ?1",
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

}  // namespace

// One use of a prepared statement; the destructor resets it for the next.
class SqliteStore::Query {
 public:
  Query(SqliteStore& store, Statement which) : store_(store), statement_(store.statements_.at(which)) {
    if (statement_ != nullptr) return;
    const int code = sqlite3_prepare_v3(store.database_.connection(), sources.at(which), -1, SQLITE_PREPARE_PERSISTENT,
                                        &store.statements_.at(which), nullptr);
    if (code != SQLITE_OK) store.database_.fail(code);
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
    if (code != SQLITE_ROW && code != SQLITE_DONE) store_.database_.fail(code);
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

SqliteStore::SqliteStore(const std::string& directory, Instant deadline) : database_(directory, deadline) {
  sqlite3_wal_hook(
      database_.connection(),
      [](void* store, sqlite3* /*db*/, const char* /*name*/, int pages) {
        static_cast<SqliteStore*>(store)->logged_ = pages;
        return SQLITE_OK;
      },
      this);
}

SqliteStore::~SqliteStore() {
  for (sqlite3_stmt* statement : statements_) sqlite3_finalize(statement);
}

void SqliteStore::set_sync(bool sync) {
  if (sync == synced_) return;
  database_.execute(sync ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
  synced_ = sync;
}

void SqliteStore::begin() { Query(*this, begin_now).step(); }

void SqliteStore::commit() {
  Query(*this, commit_now).step();
  database_.files().ring();
}

void SqliteStore::shorten_log(bool urgent) {
  if (logged_ < (urgent ? too_long_log : long_log)) return;
  sqlite3* db = database_.connection();
  // The log must also be truncated, or the next process that opens the file reads it all again. TRUNCATE blocks writers, so
  // PASSIVE first does the part that waits for the disk. If another process prevents that, a later call truncates.
  sqlite3_wal_checkpoint_v2(db, nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
  if (sqlite3_wal_checkpoint_v2(db, nullptr, SQLITE_CHECKPOINT_TRUNCATE, nullptr, nullptr) == SQLITE_OK) logged_ = 0;
}

void SqliteStore::rollback() noexcept {
  sqlite3* db = database_.connection();
  if (sqlite3_get_autocommit(db) == 0) sqlite3_exec(db, sources[roll_back], nullptr, nullptr, nullptr);
}

const KeyEntry* SqliteStore::entry(std::string_view key) {
  Query query(*this, get_entry);
  if (!query.bind(1, key).step()) return nullptr;
  const std::int64_t kind = query.integer(0);
  auto fields = query.is_null(2) ? std::nullopt : unpacked(query.text(2));
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
