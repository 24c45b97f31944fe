#include "support/redis_server.hpp"

#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>

namespace support {
namespace {

std::string text_of(const redisReply& reply) {
  switch (reply.type) {
    case REDIS_REPLY_INTEGER:
      return std::to_string(reply.integer);
    case REDIS_REPLY_NIL:
      return "(nil)";
    case REDIS_REPLY_ARRAY: {
      std::string out;
      for (std::size_t i = 0; i < reply.elements; ++i) out += (i == 0 ? "" : " ") + text_of(*reply.element[i]);
      return out;
    }
    default:
      return {reply.str, reply.len};
  }
}

}  // namespace

RedisServer::RedisServer(const std::vector<std::string>& options) : options_(options) { start(); }

void RedisServer::kill() {
  redisFree(context_);
  context_ = nullptr;
  ::kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

void RedisServer::start() {
  std::vector<std::string> words{"redis-server",
                                 "--port",
                                 "0",
                                 "--unixsocket",
                                 socket(),
                                 "--save",
                                 "",
                                 "--dir",
                                 directory_.path(),
                                 "--logfile",
                                 directory_.path() + "/log"};
  words.insert(words.end(), options_.begin(), options_.end());
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  pid_ = fork();
  if (pid_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    execvp(argv[0], argv.data());
    _exit(127);
  }
  for (const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);;) {
    context_ = redisConnectUnix(socket().c_str());
    if (context_ != nullptr && context_->err == 0) return;
    redisFree(context_);
    if (waitpid(pid_, nullptr, WNOHANG) != 0 || std::chrono::steady_clock::now() > until) {
      std::stringstream log;
      log << std::ifstream(directory_.path() + "/log").rdbuf();
      throw std::runtime_error(words[0] + " did not come up: " + log.str());
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

RedisServer::~RedisServer() {
  if (pid_ > 0) kill();
}

condolock::engine::redis::Target RedisServer::target() const {
  condolock::engine::redis::Target target;
  target.host.clear();
  target.path = socket();
  return target;
}

std::string RedisServer::command(const std::vector<std::string>& words) {
  std::vector<const char*> texts;
  std::vector<std::size_t> lengths;
  for (const std::string& word : words) {
    texts.push_back(word.data());
    lengths.push_back(word.size());
  }
  auto* reply =
      static_cast<redisReply*>(redisCommandArgv(context_, static_cast<int>(words.size()), texts.data(), lengths.data()));
  if (reply == nullptr) throw std::runtime_error("redis: " + words[0] + ": " + context_->errstr);
  const bool error = reply->type == REDIS_REPLY_ERROR;
  std::string text = text_of(*reply);
  freeReplyObject(reply);
  if (error) throw std::runtime_error("redis: " + words[0] + ": " + text);
  return text;
}

RedisServer& empty_server() {
  static RedisServer server;
  server.command({"FLUSHALL"});
  return server;
}

}  // namespace support
