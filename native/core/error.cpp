#include "core/error.h"

#include <exception>
#include <new>

namespace amalgam::core {

Error current_error() {
  try {
    throw;
  } catch (const Error& error) {
    return error;
  } catch (const std::bad_alloc&) {
    return Error("out-of-memory", "There is not enough memory for this job.")
        .with_hint("Close other programs, use fewer adapters at once, or fewer threads.");
  } catch (const std::exception& error) {
    return Error("internal-error", std::string("This should not have happened: ") + error.what());
  } catch (...) {
    return Error("internal-error", "This should not have happened: an unknown exception.");
  }
}

}  // namespace amalgam::core
