// Where the embedded engine keeps what a Redis would: hashes, lists and sorted sets below their keys, as far as the scripts
// need them. Two implementations: a database file, and a map in memory for tests and the simulation.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/engine.hpp"

namespace condolock::engine::embedded {

// unreadable: something is there, but nobody can tell what. No command takes it, so it stays as it is until it is deleted.
enum class Kind : std::uint8_t { hash, list, zset, unreadable };

// What is known of a key besides its items. A hash has none, and is read and written whole: of a record a script needs most,
// and the holders of slots are few on one machine.
struct KeyEntry {
  Kind kind{};
  std::optional<std::int64_t> expires = {};                     // ms since 1970: from then on the key is gone
  std::map<std::string, std::string, std::less<>> fields = {};  // of a hash
};

// One item of a list or a sorted set, by its name: a position, a member.
struct Item {
  std::string name;
  double score = 0;                  // the position again
  std::optional<std::string> value;  // of a list; a member has none
};

// Which items: by score, then by name.
struct Range {
  double min = -std::numeric_limits<double>::infinity();
  double max = std::numeric_limits<double>::infinity();
  std::int64_t skip = 0;
  std::int64_t limit = -1;  // -1: all
};

// Why the store can't be used; `busy` alone may pass by itself.
struct StoreError : std::runtime_error {
  StoreError(Fault f, const std::string& text, bool is_busy = false) : runtime_error(text), fault(f), busy(is_busy) {}
  Fault fault;
  bool busy;
};

// Everything but begin() and rollback() is done between begin() and commit(), and throws StoreError. What was done since
// begin() happens with commit(), whole, or not at all.
class Store {
 public:
  Store() = default;
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;
  virtual ~Store() = default;

  virtual void begin() = 0;
  virtual void commit() = 0;
  virtual void rollback() noexcept = 0;

  // Null where there is no such key. Good until the next call.
  virtual const KeyEntry* entry(std::string_view key) = 0;
  virtual void set_entry(std::string_view key, KeyEntry entry) = 0;
  // The key with all that is in it.
  virtual void erase(std::string_view key) = 0;

  // Of a sorted set.
  virtual std::optional<Item> get(std::string_view key, std::string_view name) = 0;
  // Into a list or a sorted set, whose head is there. A sorted set's member moves.
  virtual void put(std::string_view key, const Item& item) = 0;
  // One that was read from there.
  virtual void remove(std::string_view key, const Item& item) = 0;
  virtual std::int64_t count(std::string_view key) = 0;
  virtual std::vector<Item> range(std::string_view key, const Range& range) = 0;
  // Every key, also one whose time is over. No script asks for it.
  virtual std::vector<std::string> keys() = 0;
};

}  // namespace condolock::engine::embedded
