// The jobs of the addon without Node:
//   engine_cli devices
//   engine_cli merge|preview|inspect|compare REQUEST.json ("-" reads standard input)
// The result goes to standard output as one line of JSON, progress and errors to standard error as lines of JSON. Exit
// status: 0 done, 1 refused because of the request or its files, 2 usage, 3 failed or cancelled (Ctrl-C cancels).
#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <string_view>

#include "jobs/job_table.h"
#include "core/wire.h"
#include "ops/cuda/devices.h"

namespace {

using namespace amalgam;

enum ExitStatus { done = 0, refused = 1, usage = 2, failed = 3 };

core::CancelToken interrupted;  // reached by the signal handler, which gets no argument of ours

void on_interrupt(int) { interrupted.request(); }

/// Errors of the machine or of a person's wish to stop; all the others say that the input is not acceptable.
ExitStatus exit_status(const core::Error& error) {
  constexpr std::array<std::string_view, 7> failures{"cancelled",    "cuda-error",    "disk-full",     "file-changed",
                                                     "write-failed", "out-of-memory", "internal-error"};
  return std::find(failures.begin(), failures.end(), error.code) == failures.end() ? refused : failed;
}

std::string read_request(const std::string& path) {
  if (path == "-") return {std::istreambuf_iterator<char>(std::cin), {}};
  std::ifstream file(path, std::ios::binary);
  if (!file) throw core::Error("file-unreadable", "The request cannot be read.").at_path(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

void print_line(std::FILE* stream, const std::string& line) {
  std::fputs((line + "\n").c_str(), stream);
  std::fflush(stream);
}

core::Json run(const std::string& command, const std::string& request_path) {
  const jobs::JobFunction job = jobs::find_job(command);
  core::Progress progress([](const core::ProgressReport& report) { print_line(stderr, core::to_json(report).dump()); });
  return job(core::Json::parse(read_request(request_path)), progress, interrupted);
}

int print_usage() {
  std::string line = "usage: engine_cli devices";
  for (const jobs::JobKind& kind : jobs::job_table()) line += " | " + std::string(kind.name) + " REQUEST.json";
  print_line(stderr, line);
  return usage;
}

}  // namespace

int main(int count, char** arguments) {
  const std::string command = count > 1 ? arguments[1] : "";
  const auto kinds = jobs::job_table();
  const bool is_job =
      std::any_of(kinds.begin(), kinds.end(), [&](const jobs::JobKind& kind) { return kind.name == command; });
  if (!(command == "devices" && count == 2) && !(is_job && count == 3)) return print_usage();
  std::signal(SIGINT, on_interrupt);
  std::signal(SIGTERM, on_interrupt);
  try {
    print_line(stdout, (command == "devices" ? ops::describe_devices() : run(command, arguments[2])).dump());
    return done;
  } catch (...) {
    const core::Error error = core::current_error();
    print_line(stderr, core::to_json(error).dump());
    return exit_status(error);
  }
}
