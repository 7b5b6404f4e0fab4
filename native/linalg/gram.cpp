#include "linalg/gram.h"

namespace amalgam::linalg {

core::Matrix<double> gram(ops::Strided<float> x, ops::Executor& executor) {
  core::Matrix<double> products(x.cols, x.cols);
  ops::gram(executor, x, products.view());
  return products;
}

core::Matrix<double> gram(ops::Strided<double> x, ops::Executor& executor) {
  core::Matrix<double> products(x.cols, x.cols);
  ops::gram(executor, x, products.view());
  return products;
}

}  // namespace amalgam::linalg
