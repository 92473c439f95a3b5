//! Merges the lanes by kernel time, with a bounded hold.
//!
//! Owns the events that wait for earlier ones. An event is let go once the source knows that whatever is older
//! has been read: most of a drain at once, the rest with the next one. Holds are bounded by what two drains
//! can read. An event that still comes too late is let go at once, out of order, and counted.

use audit_common::Lane;

/// Where an event stands among others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub time_ns: u64,
    pub lane: Lane,
    /// Order of arrival, which within a lane of one CPU is the order of happening.
    pub arrival: u64,
}

/// Events waiting for their turn.
pub struct Order<T> {
    held: Vec<(Place, T)>,
    arrivals: u64,
    /// Time of the latest event let go.
    released_ns: u64,
    /// All that happened until then was let go.
    let_go_ns: u64,
    late: u64,
}

impl<T> Default for Order<T> {
    fn default() -> Self {
        Order {
            held: Vec::new(),
            arrivals: 0,
            released_ns: 0,
            let_go_ns: 0,
            late: 0,
        }
    }
}

impl<T> Order<T> {
    pub fn hold(&mut self, time_ns: u64, lane: Lane, event: T) {
        self.arrivals += 1;
        self.late += u64::from(time_ns < self.released_ns);
        self.held.push((
            Place {
                time_ns,
                lane,
                arrival: self.arrivals,
            },
            event,
        ));
    }

    /// After all entries of a drain were held: lets go what happened until `settled_ns`.
    pub fn release(&mut self, settled_ns: u64, mut each: impl FnMut(T)) {
        self.let_go_ns = self.let_go_ns.max(settled_ns);
        let until = self.let_go_ns;
        // Nearly sorted already: two runs, one of each lane.
        self.held.sort_by_key(|(place, _)| *place);
        let count = self
            .held
            .partition_point(|(place, _)| place.time_ns <= until);
        for (place, event) in self.held.drain(..count) {
            self.released_ns = self.released_ns.max(place.time_ns);
            each(event);
        }
    }

    /// Whatever happened until then was let go, or comes late.
    pub fn let_go_ns(&self) -> u64 {
        self.let_go_ns
    }

    pub fn len(&self) -> usize {
        self.held.len()
    }

    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// Events that came after a later one had been let go.
    pub fn late(&self) -> u64 {
        self.late
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn released(order: &mut Order<u32>, settled_ns: u64) -> Vec<u32> {
        let mut out = Vec::new();
        order.release(settled_ns, |event| out.push(event));
        out
    }

    #[test]
    fn merges_lanes_by_time_and_holds_what_is_not_settled() {
        let mut order = Order::default();
        order.hold(30, Lane::Critical, 3);
        order.hold(10, Lane::Bulk, 1);
        order.hold(20, Lane::Bulk, 2);
        assert_eq!(released(&mut order, 5), [0; 0]);
        order.hold(15, Lane::Critical, 15);
        assert_eq!(released(&mut order, 25), [1, 15, 2]);
        assert_eq!(order.len(), 1);
        assert_eq!(released(&mut order, 50), [3]);
        assert_eq!(order.late(), 0);
    }

    #[test]
    fn a_drain_that_settles_nothing_moves_no_time() {
        let mut order = Order::default();
        order.hold(10, Lane::Bulk, 1);
        assert_eq!(released(&mut order, 0), [0; 0]);
        assert_eq!(released(&mut order, 10), [1]);
        order.hold(20, Lane::Bulk, 2);
        assert_eq!(released(&mut order, 0), [0; 0]);
        assert_eq!(order.let_go_ns(), 10);
        assert_eq!(released(&mut order, 20), [2]);
    }

    #[test]
    fn a_late_event_is_counted_and_let_go() {
        let mut order = Order::default();
        order.hold(10, Lane::Bulk, 1);
        assert_eq!(released(&mut order, 100), [1]);
        order.hold(5, Lane::Critical, 0);
        assert_eq!(order.late(), 1);
        assert_eq!(released(&mut order, 0), [0]);
    }

    #[test]
    fn critical_goes_first_within_one_instant() {
        let mut order = Order::default();
        order.hold(10, Lane::Bulk, 2);
        order.hold(10, Lane::Critical, 1);
        assert_eq!(released(&mut order, 20), [1, 2]);
    }
}
