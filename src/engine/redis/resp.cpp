#include "engine/redis/resp.hpp"

#include <hiredis/hiredis.h>

#include <stdexcept>

namespace condolock::engine::redis {
namespace {

using Kind = RespValue::Kind;

// hiredis takes a null value to mean that memory ran out. So the reason is kept for error().
void* refuse(const redisReadTask* task, std::string reason) {
  static_cast<RespReader::Limits*>(task->privdata)->refusal = std::move(reason);
  return nullptr;
}

void* refuse_limit(const redisReadTask* task, std::string reason) {
  static_cast<RespReader::Limits*>(task->privdata)->is_over_limit = true;
  return refuse(task, std::move(reason));
}

void* refuse_type(const redisReadTask* task) { return refuse(task, "the reply has a type unknown to RESP2"); }

std::size_t enclosing_arrays(const redisReadTask* task) {
  std::size_t count = 0;
  for (const redisReadTask* parent = task->parent; parent != nullptr; parent = parent->parent) ++count;
  return count;
}

// hiredis builds a reply with these functions. Only the root has an allocation of its own, which next() deletes. Any other
// value is an element of its parent's `items`. They grow only after the previous child is complete, so no value moves while
// hiredis fills it.
void* create(const redisReadTask* task, Kind kind, std::string_view text) {
  auto& left = static_cast<RespReader::Limits*>(task->privdata)->values_left;
  if (left == 0) {
    return refuse_limit(task, "the reply has more than " + std::to_string(limits::max_reply_values) + " values");
  }
  --left;
  if (task->parent == nullptr) return new RespValue{kind, std::string(text), {}};
  auto& siblings = static_cast<RespValue*>(task->parent->obj)->items;
  return &siblings.emplace_back(RespValue{kind, std::string(text), {}});
}

void* create_string(const redisReadTask* task, char* text, std::size_t length) {
  switch (task->type) {
    case REDIS_REPLY_STRING:
      return create(task, Kind::text, {text, length});
    case REDIS_REPLY_STATUS:
      return create(task, Kind::status, {text, length});
    case REDIS_REPLY_ERROR:
      return create(task, Kind::error, {text, length});
    default:
      return refuse_type(task);
  }
}

// `Count` is int before hiredis 1.0 and size_t since. A server may declare any count, so nothing is reserved for it.
template <class Count>
void* create_array(const redisReadTask* task, Count /*declared*/) {
  if (task->type != REDIS_REPLY_ARRAY) return refuse_type(task);
  if (enclosing_arrays(task) >= limits::max_reply_depth) {
    return refuse_limit(task, "the reply has arrays more than " + std::to_string(limits::max_reply_depth) + " deep");
  }
  return create(task, Kind::array, {});
}

void* create_integer(const redisReadTask* task, long long value) {
  return create(task, Kind::integer, std::to_string(value));
}

// RESP2's nil is a string or an array without a value. RESP3's is a type of its own.
void* create_nil(const redisReadTask* task) {
  return task->type == REDIS_REPLY_NIL ? refuse_type(task) : create(task, Kind::nil, {});
}

void free_value(void* value) { delete static_cast<RespValue*>(value); }

// hiredis 1.0 also parses RESP3, which condolock never requests. create_string and create_array refuse its other types.
// Without functions for double and bool, hiredis would return small integers as pointers.
template <class Functions>
void refuse_resp3(Functions& functions) {
  if constexpr (requires { functions.createDouble; }) {
    functions.createDouble = [](const redisReadTask* task, double, char*, std::size_t) { return refuse_type(task); };
  }
  if constexpr (requires { functions.createBool; }) {
    functions.createBool = [](const redisReadTask* task, int) { return refuse_type(task); };
  }
}

redisReplyObjectFunctions make_functions() {
  redisReplyObjectFunctions functions{};
  functions.createString = create_string;
  functions.createArray = create_array;
  functions.createInteger = create_integer;
  functions.createNil = create_nil;
  functions.freeObject = free_value;
  refuse_resp3(functions);
  return functions;
}

redisReader* as_reader(void* reader) { return static_cast<redisReader*>(reader); }

}  // namespace

std::string format_command(const std::vector<std::string_view>& arguments) {
  std::vector<const char*> texts;
  std::vector<std::size_t> lengths;
  for (const std::string_view argument : arguments) {
    texts.push_back(argument.data());
    lengths.push_back(argument.size());
  }
  char* formatted = nullptr;
  // An int before hiredis 1.0, a long long since.
  const auto length = redisFormatCommandArgv(&formatted, static_cast<int>(arguments.size()), texts.data(), lengths.data());
  if (length < 0) throw std::bad_alloc();
  std::string out(formatted, static_cast<std::size_t>(length));
  redisFreeCommand(formatted);
  return out;
}

void RespReader::Free::operator()(void* reader) const { redisReaderFree(as_reader(reader)); }

RespReader::RespReader() {
  static redisReplyObjectFunctions functions = make_functions();
  reader_.reset(redisReaderCreateWithFunctions(&functions));
  if (!reader_) throw std::bad_alloc();
  restart();
}

bool RespReader::is_empty() const {
  const redisReader* reader = as_reader(reader_.get());
  return reader->pos == reader->len && reader->ridx < 0;
}

void RespReader::restart() {
  limits_ = {};
  bytes_ = 0;
}

void RespReader::feed(std::string_view bytes) {
  bytes_ += bytes.size();
  if (bytes_ > limits::max_reply_bytes) {
    error_ = "the reply is longer than " + std::to_string(limits::max_reply_bytes / limits::mebibyte) + " MiB";
    over_limit_ = true;
  } else if (redisReaderFeed(as_reader(reader_.get()), bytes.data(), bytes.size()) != REDIS_OK) {
    error_ = as_reader(reader_.get())->errstr;
  }
}

std::optional<RespValue> RespReader::next() {
  if (!error_.empty() || is_empty()) return std::nullopt;  // if there is nothing to read, hiredis would begin a reply
  redisReader* reader = as_reader(reader_.get());
  reader->privdata = &limits_;
  void* reply = nullptr;
  if (redisReaderGetReply(reader, &reply) != REDIS_OK) {
    error_ = limits_.refusal.empty() ? reader->errstr : limits_.refusal;
    over_limit_ = limits_.is_over_limit;
    return std::nullopt;
  }
  if (reply == nullptr) return std::nullopt;
  const std::unique_ptr<RespValue> owned(static_cast<RespValue*>(reply));
  return std::move(*owned);
}

}  // namespace condolock::engine::redis
