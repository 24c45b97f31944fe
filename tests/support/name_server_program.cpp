// name_server ADDRESS LOG MANNER [NAME=ANSWERS...]: runs a NameServer on port 53 of that address until it is killed. MANNER
// is answers, silent, fails, babbles or truncates.
#include <unistd.h>

#include <string>

#include "support/name_server.hpp"

// NOLINTNEXTLINE(bugprone-exception-escape): a test program may end with an exception
int main(int argc, char** argv) {
  using support::NameServer;
  if (argc < 4) return 64;
  const std::map<std::string, NameServer::Manner> manners{{"answers", NameServer::Manner::answers},
                                                          {"silent", NameServer::Manner::silent},
                                                          {"fails", NameServer::Manner::fails},
                                                          {"babbles", NameServer::Manner::babbles},
                                                          {"truncates", NameServer::Manner::truncates}};
  NameServer::Names names;
  for (int i = 4; i < argc; ++i) {
    const std::string entry = argv[i];
    names[entry.substr(0, entry.find('='))] = entry.substr(entry.find('=') + 1);
  }
  const NameServer server(names, manners.at(argv[3]), argv[1], 53, argv[2]);
  for (;;) pause();
}
