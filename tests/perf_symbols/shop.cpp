// Functions in templates and in a namespace, one of which is inlined into another.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <vector>

namespace shop {

struct Order {
    double price;
    int items;
};

static inline double tax(const Order &order) { return std::sqrt(order.price) * 0.19 + order.items; }

template <typename T> struct Basket {
    std::vector<T> orders;

    __attribute__((noinline)) double total(int rounds) const {
        double sum = 0;
        for (int round = 0; round < rounds; round++)
            for (const T &order : orders) sum += tax(order);
        return sum;
    }

    __attribute__((noinline)) void sort() {
        std::sort(orders.begin(), orders.end(), [](const T &one, const T &other) { return one.price < other.price; });
    }
};

}  // namespace shop

int main() {
    shop::Basket<shop::Order> basket;
    for (int number = 0; number < 100000; number++) basket.orders.push_back({double(number * 7919 % 100003), number % 7});
    double sum = 0;
    for (clock_t end = clock() + CLOCKS_PER_SEC; clock() < end;) {
        sum += basket.total(20);
        basket.sort();
        for (auto &order : basket.orders) order.price = double(long(order.price * 31) % 100003);
    }
    printf("%f\n", sum);
}
