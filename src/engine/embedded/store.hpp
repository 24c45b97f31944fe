// The embedded engine's keyspace: hashes, lists and sorted sets, as far as the scripts need them. There are two
// implementations: a database file, and a map in memory for tests and the simulation.
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

// unreadable: the stored entry is damaged. Every command except DEL, EXISTS and TYPE refuses it.
enum class Kind : std::uint8_t { hash, list, zset, unreadable };

// A key without its items. A hash has no items: it is read and written whole. Scripts need most fields of a record, and
// one machine has few holders of slots.
struct KeyEntry {
  Kind kind{};
  std::optional<std::int64_t> expires = {};                     // ms since 1970; the key does not exist from then on
  std::map<std::string, std::string, std::less<>> fields = {};  // of a hash
};

// One item of a list or a sorted set.
struct Item {
  std::string name;                  // of a sorted set: the member; of a list: the position as text
  double score = 0;                  // of a list: the position
  std::optional<std::string> value;  // of a list; a sorted set has none
};

// A selection of items, ordered by score, then by name. min and max are included.
struct Range {
  double min = -std::numeric_limits<double>::infinity();
  double max = std::numeric_limits<double>::infinity();
  std::int64_t skip = 0;
  std::int64_t limit = -1;  // -1: all
};

// Why the store cannot be used. busy: another process has it locked, so retrying may succeed.
struct StoreError : std::runtime_error {
  StoreError(Fault f, const std::string& text, bool is_busy = false) : runtime_error(text), fault(f), busy(is_busy) {}
  Fault fault;
  bool busy;
};

// commit() applies all changes since begin(), or none; rollback() discards them. All changes are made between begin() and
// commit(). Every function except rollback() may throw StoreError.
class Store {
 public:
  Store() = default;
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;
  virtual ~Store() = default;

  virtual void begin() = 0;
  virtual void commit() = 0;
  virtual void rollback() noexcept = 0;

  // Null if there is no such key; an expired key is returned too. Valid until the next call.
  virtual const KeyEntry* entry(std::string_view key) = 0;
  virtual void set_entry(std::string_view key, KeyEntry entry) = 0;
  // Removes the key and its items.
  virtual void erase(std::string_view key) = 0;

  // The member `name` of a sorted set.
  virtual std::optional<Item> get(std::string_view key, std::string_view name) = 0;
  // Adds an item to a list or sorted set, whose entry must exist. A member that exists gets the new score.
  virtual void put(std::string_view key, const Item& item) = 0;
  // `item` must have been read from this key.
  virtual void remove(std::string_view key, const Item& item) = 0;
  virtual std::int64_t count(std::string_view key) = 0;
  virtual std::vector<Item> range(std::string_view key, const Range& range) = 0;
  // How many items come before one with this score and name, whether there is such an item or not.
  virtual std::int64_t rank(std::string_view key, double score, std::string_view name) = 0;
  // All keys, expired ones too. Not used by any script.
  virtual std::vector<std::string> keys() = 0;
};

}  // namespace condolock::engine::embedded
