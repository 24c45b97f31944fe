#include "engine/embedded/database.hpp"

#include <sqlite3.h>
#include <unistd.h>

#include <atomic>
#include <cstring>

#include "engine/embedded/system_failure.hpp"

namespace condolock::engine::embedded {
namespace {

constexpr std::int64_t layout = 3;

constexpr const char* tables =
    // With a rowid, a record of up to a whole page stays on that page. WITHOUT ROWID allows only a quarter of a page.
    "CREATE TABLE entry (key BLOB NOT NULL UNIQUE, kind INTEGER NOT NULL, expires INTEGER, fields BLOB NOT NULL);"
    "CREATE TABLE item (key BLOB, score REAL, name BLOB, value BLOB, PRIMARY KEY (key, score, name)) WITHOUT ROWID;"
    // Only members of sorted sets are looked up by name, and only their items have no value.
    "CREATE UNIQUE INDEX member ON item (key, name) WHERE value IS NULL";

// SQLite's own access to files, without its check for links in the path. directory.cpp has checked the path, and allows some
// links in it. SQLite itself refuses a link as the last part (O_NOFOLLOW).
const char* file_access() {
  static sqlite3_vfs ours;
  static const bool is_registered = [] {
    const sqlite3_vfs* unix_files = sqlite3_vfs_find("unix");
    if (unix_files == nullptr) return false;
    ours = *unix_files;
    ours.pNext = nullptr;
    ours.zName = "condolock";
    ours.xFullPathname = [](sqlite3_vfs* /*files*/, const char* path, int size, char* full) {
      if (std::strlen(path) >= static_cast<std::size_t>(size)) return SQLITE_CANTOPEN;
      std::strcpy(full, path);  // NOLINT(clang-analyzer-security.insecureAPI.strcpy): measured above
      return SQLITE_OK;
    };
    return sqlite3_vfs_register(&ours, 0) == SQLITE_OK;
  }();
  return is_registered ? ours.zName : nullptr;
}

// SQLite must not be used in the child of a fork while its parent had a database open: its locks came along as they were.
std::atomic<int> open_databases{0};
std::atomic<pid_t> opened_by{0};

void refuse_after_fork() {
  const pid_t self = getpid();
  if (opened_by.exchange(self) == self || open_databases == 0) return;
  opened_by = 0;  // refuse the next time, too
  throw StoreError(Fault::local, "a database was in use when this process was forked: exec a program, or fork earlier");
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
    case SQLITE_INTERRUPT:
      return Fault::not_ready;
    default:
      return Fault::local;  // no memory, an I/O error
  }
}

bool is_busy(int code) {
  const int kind = code & 0xFF;
  // READONLY_DBMOVED: the next call opens the file that is there now.
  return kind == SQLITE_BUSY || kind == SQLITE_LOCKED || kind == SQLITE_PROTOCOL || code == SQLITE_READONLY_DBMOVED;
}

// Advice to append to an error of SQLite; empty: none.
const char* way_out(int code) {
  switch (code & 0xFF) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return " (fuser -v FILE lists the processes that use it)";
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return " (to start over, move the whole directory away while no job runs)";
    default:
      return "";
  }
}

}  // namespace

Database::Database(const std::string& directory, Instant deadline) : files_(directory), deadline_(deadline) {
  refuse_after_fork();
  ++open_databases;
  try {
    open();
    harden();
    prepare();
    files_.agree();
  } catch (...) {
    close();
    throw;
  }
}

Database::~Database() { close(); }

void Database::close() {
  sqlite3_close_v2(db_);
  --open_databases;
}

void Database::open() {
  const int code = sqlite3_open_v2(files_.path().c_str(), &db_, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, file_access());
  if (code != SQLITE_OK) fail(code);
  sqlite3_extended_result_codes(db_, 1);
}

void Database::harden() {
  for (const auto& [option, value] : {std::pair{SQLITE_DBCONFIG_DEFENSIVE, 1},
                                      {SQLITE_DBCONFIG_ENABLE_TRIGGER, 0},
                                      {SQLITE_DBCONFIG_ENABLE_VIEW, 0},
                                      {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
                                      {SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0},
                                      // By default the last process to close the file copies the log into it, which waits
                                      // for the disk twice. SqliteStore::shorten_log() does that only when the log is long.
                                      {SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1}}) {
    sqlite3_db_config(db_, option, value, nullptr);
  }
  constexpr int steps = 1000;  // some microseconds
  sqlite3_progress_handler(
      db_, steps, [](void* database) { return BootClock::now() >= static_cast<Database*>(database)->deadline_ ? 1 : 0; },
      this);
}

void Database::prepare() {
  std::int64_t found = version();
  if (found == 0) {
    create();
    found = version();
  }
  if (found != layout) {
    throw StoreError(Fault::malformed, files_.shown() + " has version " + std::to_string(found) +
                                           (found > layout ? ": upgrade condolock on this host"
                                                           : ": no release of condolock wrote it; move it away"));
  }
  if (definitions() != tables) {
    throw StoreError(Fault::malformed,
                     files_.shown() + " has tables that another program changed" + way_out(SQLITE_CORRUPT));
  }
  if (files_.are_ours_alone()) execute("PRAGMA journal_mode = WAL");  // another process may have changed the journal mode
  execute("PRAGMA synchronous = NORMAL");
}

// Version 0 with tables means another program's database, which must not be changed. Another condolock may have created the
// tables, together with the version, between the first two reads. So the version is read again.
std::int64_t Database::version() {
  const auto read = [this](const char* sql) { return std::stoll(text(sql)); };
  std::int64_t found = read("PRAGMA user_version");
  if (found == 0 && read("SELECT count(*) FROM sqlite_schema") > 0) {
    found = read("PRAGMA user_version");
    if (found == 0)
      throw StoreError(Fault::malformed, files_.shown() + " is the database of another program: use another directory");
  }
  return found;
}

void Database::create() {
  execute("PRAGMA page_size = 1024");  // small, since each changed page is written to the log as a whole
  execute("PRAGMA journal_mode = WAL");
  // Several processes may try this at once: only one of them creates the tables.
  execute("BEGIN IMMEDIATE");
  if (version() == 0) {
    execute(tables);
    execute("PRAGMA user_version = 3");
  }
  execute("COMMIT");
}

bool Database::has_triggers() { return text("SELECT count(*) FROM sqlite_schema WHERE type = 'trigger'") != "0"; }

void Database::execute(const char* sql) {
  const int code = sqlite3_exec(db_, sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) fail(code);
}

// The definitions of `tables` in the database. Triggers are off, so they are not compared. A filter in SQL would take
// longer.
std::string Database::definitions() {
  sqlite3_stmt* statement = nullptr;
  int code = sqlite3_prepare_v2(db_, "SELECT type, tbl_name, sql FROM sqlite_schema", -1, &statement, nullptr);
  std::string out;
  while (code == SQLITE_OK || code == SQLITE_ROW) {
    code = sqlite3_step(statement);
    const auto column = [statement](int i) { return reinterpret_cast<const char*>(sqlite3_column_text(statement, i)); };
    if (code != SQLITE_ROW || column(0) == nullptr || column(1) == nullptr || column(2) == nullptr) continue;
    const bool is_ours = sqlite3_stricmp(column(1), "entry") == 0 || sqlite3_stricmp(column(1), "item") == 0;
    if (is_ours && sqlite3_stricmp(column(0), "trigger") != 0) out += (out.empty() ? "" : ";") + std::string(column(2));
  }
  sqlite3_finalize(statement);
  if (code != SQLITE_DONE) fail(code);
  return out;
}

// The first column of the only row.
std::string Database::text(const char* sql) {
  sqlite3_stmt* statement = nullptr;
  int code = sqlite3_prepare_v2(db_, sql, -1, &statement, nullptr);
  if (code == SQLITE_OK) code = sqlite3_step(statement);
  const auto* found = code == SQLITE_ROW ? sqlite3_column_text(statement, 0) : nullptr;
  std::string out = found == nullptr ? "" : reinterpret_cast<const char*>(found);
  sqlite3_finalize(statement);
  if (code != SQLITE_ROW) fail(code);
  return out;
}

// The errno of the last failure, or 0. After a failed commit, only the log's file handle has it.
int Database::system_error() const {
  if (db_ == nullptr) return 0;
  int error = sqlite3_system_errno(db_);
  sqlite3_file* log = nullptr;
  if (error == 0 && sqlite3_file_control(db_, "main", SQLITE_FCNTL_JOURNAL_POINTER, static_cast<void*>(&log)) == SQLITE_OK &&
      log != nullptr && log->pMethods != nullptr) {
    log->pMethods->xFileControl(log, SQLITE_FCNTL_LAST_ERRNO, &error);
  }
  return error;
}

void Database::fail(int code) const {
  const std::string name = files_.shown() + ": ";
  const int kind = code & 0xFF;
  if (kind == SQLITE_INTERRUPT) {
    throw StoreError(Fault::not_ready, name + "too slow: it is very large or damaged (see condolock doctor)");
  }
  if (code == SQLITE_IOERR_SHORT_READ)
    throw StoreError(Fault::malformed, name + "the file is too short" + way_out(SQLITE_CORRUPT));
  const std::string said = db_ == nullptr ? sqlite3_errstr(code) : sqlite3_errmsg(db_);
  if (kind == SQLITE_READONLY && !is_busy(code)) files_.throw_if_unwritable(said);
  const int error = kind == SQLITE_CANTOPEN || kind == SQLITE_IOERR ? system_error() : 0;
  if (error != 0) throw system_failure(name + said, error);
  throw StoreError(fault_of(code), name + said + way_out(code), is_busy(code));
}

}  // namespace condolock::engine::embedded
