#include "support/backend.hpp"

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <stdexcept>

#include "engine/embedded/embedded_engine.hpp"
#include "engine/embedded/memory_store.hpp"
#include "engine/redis/redis_engine.hpp"
#include "support/redis_server.hpp"

namespace support {
namespace {

namespace embedded = condolock::engine::embedded;
using Words = std::vector<std::string>;

class RedisBackend final : public Backend {
 public:
  condolock::engine::Engine& engine() override { return engine_; }
  std::string command(const Words& words) override { return server_.command(words); }
  bool is_redis() const override { return true; }

 private:
  RedisServer server_;
  condolock::engine::redis::RedisEngine engine_{server_.target()};
};

std::string text_of(const embedded::Value& value) {
  switch (value.kind) {
    case embedded::Value::Kind::nil:
      return "(nil)";
    case embedded::Value::Kind::integer:
      return std::to_string(value.number);
    case embedded::Value::Kind::text:
    case embedded::Value::Kind::status:
      return value.text;
    case embedded::Value::Kind::error:
      throw std::runtime_error(value.text);
    case embedded::Value::Kind::array:
      break;
  }
  std::string out;
  for (const auto& item : value.items) out += (&item == value.items.data() ? "" : " ") + text_of(item);
  return out;
}

class EmbeddedBackend final : public Backend {
 public:
  EmbeddedBackend(std::unique_ptr<condolock::engine::Engine> engine, std::unique_ptr<embedded::Store> store)
      : store_(std::move(store)), engine_(std::move(engine)) {}

  condolock::engine::Engine& engine() override { return *engine_; }

  std::string command(const Words& words) override {
    store_->begin();
    try {
      std::string text = perform(words);
      store_->commit();
      return text;
    } catch (...) {
      store_->rollback();
      throw;
    }
  }

 private:
  std::string plain(const Words& words) { return text_of(embedded::run_command(*store_, now_us(), words)); }

  static std::int64_t now_us() { return embedded::EmbeddedEngine::wall_clock(); }

  // Commands that tests need and scripts do not.
  std::string perform(const Words& words) {
    const std::string& name = words[0];
    const std::string key = words.size() > 1 ? words[1] : "";
    if (name == "FLUSHALL") {
      for (const std::string& each : store_->keys()) store_->erase(each);
      return "OK";
    }
    if (name == "DBSIZE") return std::to_string(store_->keys().size());
    if (name == "HGET") return plain({"HMGET", key, words[2]});
    if (name == "HKEYS" || name == "HVALS") return shown(fields(key), name == "HKEYS");
    if (name == "HLEN") return std::to_string(fields(key).size());
    if (name == "PTTL") return std::to_string(entry(key).expires.value() - now_us() / 1000);
    if (name == "ZRANK") return plain({"ZSCORE", key, words[2]});  // only whether it exists
    if (name == "DUMP") return dump(key);
    if (name == "RPUSH") return push_back(words);
    if (name == "SET" || name == "SADD") return misplace(key, words[2]);
    if (name == "GET") return misplaced(key);
    return plain(words);
  }

  embedded::KeyEntry entry(const std::string& key) {
    const embedded::KeyEntry* found = store_->entry(key);
    return found == nullptr ? embedded::KeyEntry() : *found;
  }

  decltype(embedded::KeyEntry::fields) fields(const std::string& key) { return entry(key).fields; }

  static std::string shown(const decltype(embedded::KeyEntry::fields)& fields, bool names) {
    std::string out;
    for (const auto& [field, value] : fields) out += (names ? field : value) + " ";
    return out;
  }

  std::string dump(const std::string& key) {
    const embedded::KeyEntry* entry = store_->entry(key);
    if (entry == nullptr) return "(nil)";
    std::string out = std::to_string(static_cast<int>(entry->kind));
    for (const auto& [field, value] : entry->fields) out.append(" ").append(field).append("=").append(value);
    for (const embedded::Item& item : store_->range(key, {})) {
      out += " " + item.name + "=" + std::to_string(item.score) + "," + item.value.value_or("");
    }
    return out;
  }

  std::string push_back(const Words& words) {
    Words all = {"LRANGE", words[1], "0", "-1"};
    Words items(words.begin() + 2, words.end());
    for (const auto& value : embedded::run_command(*store_, now_us(), all).items) items.insert(items.begin(), value.text);
    if (store_->entry(words[1])) store_->erase(words[1]);
    std::reverse(items.begin(), items.end());
    Words push{"LPUSH", words[1]};
    push.insert(push.end(), items.begin(), items.end());
    return plain(push);
  }

  std::string misplace(const std::string& key, const std::string& value) {
    const bool is_hash = key.find(":job:") != std::string::npos || key.find(":slots:") != std::string::npos;
    if (store_->entry(key)) store_->erase(key);
    if (is_hash) {
      store_->set_entry(key, {embedded::Kind::list});
      store_->put(key, {"misplaced", 0, value});
    } else {
      store_->set_entry(key, {embedded::Kind::hash, {}, {{"misplaced", value}}});
    }
    return "OK";
  }

  std::string misplaced(const std::string& key) {
    const auto hash = fields(key);
    return hash.empty() ? store_->range(key, {}).at(0).value.value() : hash.at("misplaced");
  }

  std::unique_ptr<embedded::Store> store_;
  std::unique_ptr<condolock::engine::Engine> engine_;
};

std::unique_ptr<Backend> make_backend(const std::string& name) {
  if (name == "redis") return std::make_unique<RedisBackend>();
  if (name == "memory") {
    auto store = std::make_unique<embedded::MemoryStore>();
    auto engine = std::make_unique<embedded::EmbeddedEngine>(*store, embedded::EmbeddedEngine::wall_clock);
    return std::make_unique<EmbeddedBackend>(std::move(engine), std::move(store));
  }
  if (name != "file") throw std::runtime_error("CONDOLOCK_TEST_ENGINE must be redis, file or memory");
  // The tests use a second connection to the file, as another process would.
  static const TemporaryDirectory directory;
  const embedded::DatabaseLocation location{directory.path(), embedded::Sync::none};
  return std::make_unique<EmbeddedBackend>(std::make_unique<embedded::EmbeddedEngine>(location),
                                           std::make_unique<embedded::SqliteStore>(location.directory));
}

}  // namespace

Backend& empty_backend() {
  const char* name = std::getenv("CONDOLOCK_TEST_ENGINE");
  static const std::unique_ptr<Backend> backend = make_backend(name == nullptr ? "redis" : name);
  backend->command({"FLUSHALL"});
  return *backend;
}

}  // namespace support
