// What tests/native/runner.h asks of a test program, for the checks that selftest shares with the tests.
#pragma once

namespace amalgam::tools {

/// The scratch folder of one check, removed with it. One at a time.
class SelftestFolder {
 public:
  SelftestFolder();
  ~SelftestFolder();
  SelftestFolder(const SelftestFolder&) = delete;
  SelftestFolder& operator=(const SelftestFolder&) = delete;
};

}  // namespace amalgam::tools
