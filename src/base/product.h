/* The product's name and version stand here and nowhere else. */
#ifndef BASE_PRODUCT_H
#define BASE_PRODUCT_H

#define PRODUCT         "sluice"
#define PRODUCT_VERSION "0.1.0"

#endif
