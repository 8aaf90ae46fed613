//! The books of one account as the spec tells them: movements, acts, what falls due, and what follows from an inflow.

/// The order in which kinds burn.
pub const KINDS: [&str; 5] = ["free", "promo", "plan", "adjustment", "purchase"];

/// One movement between two places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub leg: u64,
    pub movement: &'static str,
    pub amount: i64,
    /// Place in [`Books::grants`].
    pub grant: Option<usize>,
    pub available: i64,
    pub held: i64,
    pub debt: i64,
    pub at: i64,
    pub carried: Option<Carried>,
}

/// What leg 0 says of the event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Carried {
    pub operation: &'static str,
    pub quantity: i64,
    pub credits: i64,
    pub version: u64,
    /// What counted before.
    pub revised: i64,
    /// Of the event's time.
    pub month: i64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    pub seq: u64,
    /// Place in [`KINDS`].
    pub kind: usize,
    pub priority: u16,
    pub effective_at: i64,
    pub expires_at: Option<i64>,
    pub amount: i64,
    pub rest: i64,
    /// What it has repaid and not got back.
    pub repaid: i64,
    pub voided: bool,
}

impl Grant {
    fn has_expired(&self, at: i64) -> bool {
        self.expires_at.is_some_and(|end| end <= at)
    }

    fn is_spendable(&self, at: i64) -> bool {
        self.effective_at <= at && !self.has_expired(at) && !self.voided
    }
}

/// Credits of one grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    pub grant: usize,
    pub amount: i64,
}

/// Where an event's cost came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    Grant(usize),
    Debt,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paid {
    pub source: Source,
    pub amount: i64,
    pub given_back: i64,
}

/// What was answered, which is answered again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// Leg 0.
    pub first_seq: u64,
    /// The last leg.
    pub seq: u64,
    pub credits: i64,
    pub balance: i64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    Settled {
        quantity: i64,
        receipt: Receipt,
    },
    Released(Receipt),
    /// Released by its deadline.
    Expired,
}

/// The name and content of an event or a hold, and how it is priced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    pub source: &'static str,
    pub id: String,
    pub operation: &'static str,
    pub quantity: i64,
    pub dimensions: Option<&'static str>,
    pub occurred_at: Option<i64>,
    /// The event's time, and the month of that.
    pub at: i64,
    pub month: i64,
    pub version: u64,
    /// What had been used before it.
    pub before: i128,
}

impl Content {
    fn carried(&self, quantity: i64, credits: i64, revised: i64) -> Carried {
        let Self { operation, version, month, .. } = *self;
        Carried { operation, quantity, credits, version, revised, month }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// Counted over all accounts.
    pub number: usize,
    pub content: Content,
    pub expires_in: i64,
    pub deadline: i64,
    pub cost: i64,
    pub parts: Vec<Part>,
    pub receipt: Receipt,
    pub end: Option<End>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Correction {
    pub id: String,
    pub quantity: i64,
    pub reason: &'static str,
    pub refunded: i64,
    pub receipt: Receipt,
    pub entries: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// With the quantity that was reported or settled.
    pub content: Content,
    /// Whether a hold has the name.
    pub of_hold: bool,
    pub receipt: Receipt,
    pub paid: Vec<Paid>,
    /// After corrections.
    pub quantity: i64,
    pub cost: i64,
    pub corrections: Vec<Correction>,
}

/// One account.
#[derive(Debug, Clone, Default)]
pub struct Books {
    pub suspended: bool,
    pub entries: Vec<Entry>,
    pub grants: Vec<Grant>,
    pub events: Vec<Event>,
    pub holds: Vec<Hold>,
    pub held: i64,
    pub debt: i64,
    leg: u64,
    at: i64,
    first_seq: u64,
}

impl Books {
    pub fn seq(&self) -> u64 {
        self.entries.len() as u64
    }

    pub fn available(&self, at: i64) -> i64 {
        self.grants.iter().filter(|grant| grant.is_spendable(at)).map(|grant| grant.rest).sum()
    }

    pub fn issued(&self) -> i64 {
        self.grants.iter().map(|grant| grant.amount).sum()
    }

    /// What is used of an operation in a month by the entries up to a `seq`.
    pub fn used(&self, operation: &str, month: i64, up_to: u64) -> i128 {
        let entries = self.entries.iter().take(usize::try_from(up_to).expect("a length"));
        let events = entries.filter_map(|entry| entry.carried.as_ref());
        let events = events.filter(|event| event.operation == operation && event.month == month);
        events.map(|event| i128::from(event.quantity - event.revised)).sum()
    }

    /// Credits of the events of a month.
    pub fn consumption(&self, month: i64) -> i64 {
        self.events.iter().filter(|event| event.content.month == month).map(|event| event.cost).sum()
    }

    pub fn spent(&self) -> i64 {
        self.events.iter().map(|event| event.cost).sum()
    }

    /// Spendable grants, the one that burns first before the others.
    fn burn_order(&self, at: i64) -> Vec<usize> {
        let mut order: Vec<usize> =
            (0..self.grants.len()).filter(|grant| self.grants[*grant].is_spendable(at)).collect();
        order.sort_by_key(|grant| {
            let grant = &self.grants[*grant];
            (grant.priority, grant.expires_at.unwrap_or(i64::MAX), grant.kind, grant.seq)
        });
        order
    }

    fn take(&self, amount: i64, at: i64) -> Vec<Part> {
        let mut missing = amount;
        let mut parts = vec![];
        for grant in self.burn_order(at) {
            let amount = missing.min(self.grants[grant].rest);
            if amount > 0 {
                parts.push(Part { grant, amount });
                missing -= amount;
            }
        }
        parts
    }

    /// Begins an act at an instant, or at that of the last entry if that is later.
    fn begin(&mut self, at: i64) {
        self.leg = 0;
        self.at = self.entries.last().map_or(at, |last| last.at.max(at));
        self.first_seq = self.seq() + 1;
    }

    fn post(&mut self, movement: &'static str, amount: i64, grant: Option<usize>, carried: Option<Carried>) {
        if let Some(grant) = grant {
            let rest = &mut self.grants[grant].rest;
            match movement {
                "issue" | "release" | "correct" => *rest += amount,
                "charge" | "expire" | "void" | "hold" | "repay" => *rest -= amount,
                _ => assert_eq!(movement, "settle"),
            }
            assert!(*rest >= 0);
        }
        match movement {
            "hold" => self.held += amount,
            "settle" | "release" => self.held -= amount,
            "owe" => self.debt += amount,
            "repay" | "forgive" => self.debt -= amount,
            _ => {}
        }
        if let ("repay", Some(grant)) = (movement, grant) {
            self.grants[grant].repaid += amount;
        }
        assert!(self.held >= 0 && self.debt >= 0);
        let carried = carried.filter(|_| self.leg == 0);
        let (available, held, debt) = (self.available(self.at), self.held, self.debt);
        let entry =
            Entry { leg: self.leg, movement, amount, grant, available, held, debt, at: self.at, carried };
        self.entries.push(entry);
        self.leg += 1;
    }

    fn receipt(&self, credits: i64) -> Receipt {
        let balance = self.available(self.at);
        Receipt { first_seq: self.first_seq, seq: self.seq(), credits, balance }
    }

    /// Legs of one movement; one of nothing when there are none and the act has none.
    fn post_parts(&mut self, movement: &'static str, parts: &[Part], carried: &Carried) {
        for part in parts.iter().filter(|part| part.amount > 0) {
            self.post(movement, part.amount, Some(part.grant), Some(carried.clone()));
        }
        if self.leg == 0 {
            self.post(movement, 0, None, Some(carried.clone()));
        }
    }

    /// What follows once these amounts came into grants.
    fn follow(&mut self, inflows: &[Part]) {
        for Part { grant, amount } in inflows.iter().copied().filter(|part| part.amount > 0) {
            if self.grants[grant].voided {
                self.post("void", amount, Some(grant), None);
            } else if self.grants[grant].has_expired(self.at) {
                self.post("expire", amount, Some(grant), None);
            }
        }
        for Part { grant, amount } in self.take(self.debt, self.at) {
            self.post("repay", amount, Some(grant), None);
        }
    }

    /// An amount that had been owed and repaid, back to those who repaid it: the last issued first.
    fn repaid_by(&mut self, amount: i64) -> Vec<Part> {
        let mut missing = amount;
        let mut parts = vec![];
        for (place, grant) in self.grants.iter_mut().enumerate().rev() {
            let amount = missing.min(grant.repaid);
            grant.repaid -= amount;
            missing -= amount;
            parts.push(Part { grant: place, amount });
        }
        assert_eq!(missing, 0, "it has been repaid");
        parts
    }

    /// Books what is due, the earliest first.
    pub fn fall_due(&mut self, now: i64) {
        while let Some((at, what, which)) = self.next_due(now) {
            match what {
                0 => {
                    self.release(which, at);
                    self.holds[which].end = Some(End::Expired);
                }
                1 => {
                    self.begin(at);
                    self.post("expire", self.grants[which].rest, Some(which), None);
                }
                _ => {
                    self.begin(at);
                    self.follow(&[]);
                }
            }
        }
    }

    /// Instant, kind (hold, expiry, coming into force) and place.
    fn next_due(&self, now: i64) -> Option<(i64, u8, usize)> {
        let holds = self.holds.iter().enumerate().filter(|(_, hold)| hold.end.is_none());
        let holds = holds.map(|(place, hold)| (hold.deadline, 0, place));
        let rests = || self.grants.iter().enumerate().filter(|(_, grant)| grant.rest > 0);
        let ends = rests().filter_map(|(place, grant)| Some((grant.expires_at?, 1, place)));
        let begins = rests().filter(|_| self.debt > 0).map(|(place, grant)| (grant.effective_at, 2, place));
        holds.chain(ends).chain(begins).filter(|(at, ..)| *at <= now).min()
    }

    pub fn issue(&mut self, now: i64, mut grant: Grant) -> Receipt {
        self.begin(now);
        (grant.seq, grant.rest) = (self.first_seq, 0);
        let (place, amount) = (self.grants.len(), grant.amount);
        self.grants.push(grant);
        self.post("issue", amount, Some(place), None);
        self.follow(&[Part { grant: place, amount }]);
        self.receipt(amount)
    }

    /// Takes back what is left, which is more than nothing.
    pub fn void(&mut self, now: i64, grant: usize) -> Receipt {
        self.begin(now);
        let rest = self.grants[grant].rest;
        self.grants[grant].voided = true;
        self.post("void", rest, Some(grant), None);
        self.receipt(rest)
    }

    /// Charges the grants, and owes the rest; all of it has been allowed.
    pub fn charge(&mut self, now: i64, content: Content, cost: i64) -> Receipt {
        self.begin(now);
        let carried = content.carried(content.quantity, cost, 0);
        let parts = self.take(cost, self.at);
        let owed = cost - parts.iter().map(|part| part.amount).sum::<i64>();
        let mut paid: Vec<Paid> = parts.iter().map(from_grant).collect();
        if owed > 0 {
            for part in &parts {
                self.post("charge", part.amount, Some(part.grant), Some(carried.clone()));
            }
            self.post("owe", owed, None, Some(carried));
            paid.push(Paid { source: Source::Debt, amount: owed, given_back: 0 });
        } else {
            self.post_parts("charge", &parts, &carried);
        }
        let receipt = self.receipt(cost);
        self.enter(content, false, receipt, paid);
        receipt
    }

    fn enter(&mut self, content: Content, of_hold: bool, receipt: Receipt, paid: Vec<Paid>) {
        let (quantity, cost) = (content.quantity, receipt.credits);
        self.events.push(Event { content, of_hold, receipt, paid, quantity, cost, corrections: vec![] });
    }

    pub fn hold(&mut self, now: i64, number: usize, content: Content, cost: i64, expires_in: i64) -> &Hold {
        self.begin(now);
        let parts = self.take(cost, self.at);
        self.post_parts("hold", &parts, &content.carried(content.quantity, cost, 0));
        let (receipt, deadline) = (self.receipt(cost), self.at + expires_in);
        self.holds.push(Hold { number, content, expires_in, deadline, cost, parts, receipt, end: None });
        self.holds.last().expect("the one just made")
    }

    /// Makes an event of a hold; that it may cost so much has been looked at.
    pub fn settle(&mut self, now: i64, hold: usize, quantity: i64, cost: i64) -> Receipt {
        self.begin(now);
        let Hold { content, parts, cost: reserved, .. } = self.holds[hold].clone();
        let carried = content.carried(quantity, cost, content.quantity);
        let mut missing = cost;
        let (mut settled, mut released) = (vec![], vec![]);
        for Part { grant, amount } in parts {
            let used = amount.min(missing);
            missing -= used;
            settled.push(Part { grant, amount: used });
            released.push(Part { grant, amount: amount - used });
        }
        self.post_parts("settle", &settled, &carried);
        let mut paid: Vec<Paid> = settled.iter().map(from_grant).collect();
        if cost < reserved {
            self.post_parts("release", &released, &carried);
            self.follow(&released);
        }
        let more = self.take(missing, self.at);
        self.post_parts("charge", &more, &carried);
        paid.extend(more.iter().map(from_grant));
        let receipt = self.receipt(cost);
        self.holds[hold].end = Some(End::Settled { quantity, receipt });
        self.enter(Content { quantity, ..content }, true, receipt, paid);
        receipt
    }

    pub fn release(&mut self, hold: usize, at: i64) {
        self.begin(at);
        let Hold { content, parts, cost, .. } = self.holds[hold].clone();
        self.post_parts("release", &parts, &content.carried(0, 0, content.quantity));
        self.follow(&parts);
        self.holds[hold].end = Some(End::Released(self.receipt(cost)));
    }

    /// Gives an event a smaller quantity and cost.
    pub fn correct(&mut self, now: i64, event: usize, correction: (String, i64, &'static str), cost: i64) {
        self.begin(now);
        let (id, quantity, reason) = correction;
        let Event { content, cost: before, quantity: revised, mut paid, .. } = self.events[event].clone();
        let carried = content.carried(quantity, cost, revised);
        let mut missing = before - cost;
        let mut inflows = vec![];
        for leg in paid.iter_mut().rev() {
            let amount = missing.min(leg.amount - leg.given_back);
            leg.given_back += amount;
            missing -= amount;
            match leg.source {
                Source::Grant(grant) => inflows.push(Part { grant, amount }),
                Source::Debt => {
                    let forgiven = amount.min(self.debt);
                    if forgiven > 0 {
                        self.post("forgive", forgiven, None, Some(carried.clone()));
                    }
                    inflows.extend(self.repaid_by(amount - forgiven));
                }
            }
        }
        assert_eq!(missing, 0);
        self.post_parts("correct", &inflows, &carried);
        self.follow(&inflows);
        let receipt = self.receipt(cost);
        let entries = receipt.seq - receipt.first_seq + 1;
        let event = &mut self.events[event];
        (event.paid, event.quantity, event.cost) = (paid, quantity, cost);
        event.corrections.push(Correction {
            id,
            quantity,
            reason,
            refunded: before - cost,
            receipt,
            entries,
        });
    }
}

fn from_grant(part: &Part) -> Paid {
    Paid { source: Source::Grant(part.grant), amount: part.amount, given_back: 0 }
}
