// The lower bound for a guarded run: connect, one EVALSHA that grants, posix_spawn, wait, one EVALSHA that records.
// The scripts are the program's own, loaded before. It parses no option, renews no lease, and handles no error.
// floor HOST PORT ACQUIRE_SHA FINISH_SHA KEY CMD [ARG...]
// Compiled with -DTLS, it speaks TLS first, and checks the server's certificate against the authority in FLOOR_CA.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef TLS
#include <openssl/ssl.h>
static SSL* tls;

static void shake_hands(int fd, const char* host) {
  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  if (SSL_CTX_load_verify_file(context, getenv("FLOOR_CA")) != 1) exit(78);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
  tls = SSL_new(context);
  X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(tls), host);
  SSL_set_fd(tls, fd);
  if (SSL_connect(tls) != 1) exit(77);
}
#define WRITE(fd, from, size) SSL_write(tls, from, size)
#define READ(fd, into, size) SSL_read(tls, into, (int)(size))
#else
#define WRITE(fd, from, size) (int)write(fd, from, (size_t)(size))
#define READ(fd, into, size) read(fd, into, size)
#endif

extern char** environ;

static int append(char* out, const char* text) { return sprintf(out, "$%zu\r\n%s\r\n", strlen(text), text); }

static void send_command(int fd, int count, const char** arguments) {
  static char out[65536];
  int length = sprintf(out, "*%d\r\n", count);
  for (int i = 0; i < count; ++i) length += append(out + length, arguments[i]);
  if (WRITE(fd, out, length) != length) exit(69);
}

static void read_reply(int fd, char* into, size_t size) {
  ssize_t got = READ(fd, into, size - 1);
  if (got <= 0) exit(69);
  into[got] = '\0';
}

int main(int argc, char** argv) {
  if (argc < 7) return 64;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(argv[2]))};
  inet_pton(AF_INET, argv[1], &address.sin_addr);
  if (connect(fd, (struct sockaddr*)&address, sizeof address) != 0) return 69;
#ifdef TLS
  shake_hands(fd, argv[1]);
#endif

  unsigned char bytes[11];
  char token[23];
  if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes) return 70;
  for (int i = 0; i < 11; ++i) sprintf(token + 2 * i, "%02x", bytes[i]);
  const char* kinds[] = {"job", "runs", "retired", "", "slots", "wake", "starts", "once", "spare", ""};
  char keys[10][256], who[64], reply[4096];
  for (int i = 0; i < 10; ++i) snprintf(keys[i], sizeof keys[i], "{condolock}:%s:%s", kinds[i], argv[5]);
  strcpy(keys[3], "{condolock}:index");
  strcpy(keys[9], "{condolock}:pause");
  snprintf(who, sizeof who, "%d host", (int)getpid());
#define KEYS "10", keys[0], keys[1], keys[2], keys[3], keys[4], keys[5], keys[6], keys[7], keys[8], keys[9]
  const char* acquire[] = {"EVALSHA", argv[3], KEYS, argv[5], token, "60000", who, "20", "1", "", "", "1", "", "", ""};
  send_command(fd, sizeof acquire / sizeof *acquire, acquire);
  read_reply(fd, reply, sizeof reply);
  char fence[32], start[32];
  if (sscanf(reply, "*%*d\r\n$%*d\r\ngranted\r\n$%*d\r\n%31s\r\n$%*d\r\n%31s", fence, start) != 2) return 75;

  pid_t child;
  int status = 0;
  if (posix_spawnp(&child, argv[6], NULL, NULL, argv + 6, environ) != 0) return 127;
  if (waitpid(child, &status, 0) != child) return 70;
  const char* finish[] = {"EVALSHA", argv[4], KEYS, argv[5], token, fence, start, "success", "0", who, "20", "1", ""};
  send_command(fd, sizeof finish / sizeof *finish, finish);
  read_reply(fd, reply, sizeof reply);
  if (strstr(reply, "recorded") == NULL) return 74;
  return WEXITSTATUS(status);
}
