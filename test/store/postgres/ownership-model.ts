// A model of many nodes on one database, in virtual time. The decisions are those of the real nodes (membership.ts,
// watch.ts, lane-plan.ts); the database, the network, the clocks and the processes are simulated. After each step that
// matters the model checks what the protocol promises, and throws if it does not hold.

import { type LaneCounts, planLanes } from '../../../src/store/postgres/nodes/lane-plan.ts';
import {
  heard,
  joined,
  leaseLeft,
  type Membership,
  out,
  refused,
  renewed,
} from '../../../src/store/postgres/nodes/membership.ts';
import { defaultTiming as timing } from '../../../src/store/postgres/nodes/timing.ts';
import { judge, noSightings, wasAway } from '../../../src/store/postgres/nodes/watch.ts';

export type Fault =
  /** The process stops and continues later (SIGSTOP, a suspended machine). */
  | { readonly kind: 'pause'; readonly node: number; readonly at: number; readonly forMs: number }
  /** The process ends; another one starts later. */
  | { readonly kind: 'crash'; readonly node: number; readonly at: number; readonly forMs: number }
  /** The node leaves in order; another one starts later. */
  | { readonly kind: 'leave'; readonly node: number; readonly at: number; readonly forMs: number }
  /** The connections of the node break; new ones can be made later. */
  | { readonly kind: 'cut'; readonly node: number; readonly at: number; readonly forMs: number }
  /** As `cut`, but only the connection with the lock. Writes continue. */
  | { readonly kind: 'unlock'; readonly node: number; readonly at: number; readonly forMs: number }
  /** Nothing arrives in either direction, and neither side notices. */
  | { readonly kind: 'silence'; readonly node: number; readonly at: number; readonly forMs: number }
  /** The database stops and starts again: all connections break. */
  | { readonly kind: 'restart'; readonly at: number; readonly forMs: number }
  /** The database hangs. */
  | { readonly kind: 'hang'; readonly at: number; readonly forMs: number }
  /** The clock of the database is set. */
  | { readonly kind: 'clock'; readonly at: number; readonly byMs: number };

export interface Scenario {
  readonly nodes: number;
  readonly lanes: number;
  readonly faults: readonly Fault[];
  /** For delays and durations. */
  readonly seed: number;
}

/** A node notices a broken connection within this time. */
const noticeMs = 3000;
/** Faults begin before. */
const faultsEndMs = 40_000;
/** Longer than any fault, a grace and a lease together. */
const quietMs = 45_000;

/** Run a scenario. @throws Error if a promise is broken. Resolves to how often each kind of thing happened. */
export function simulate(scenario: Scenario): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {
    takeOvers: 0,
    fenced: 0,
    handOvers: 0,
    deliveries: 0,
    inherited: 0,
  };
  const count = (name: string): void => {
    counts[name] = (counts[name] ?? 0) + 1;
  };
  const random = randomFrom(scenario.seed);
  const between = (low: number, high: number): number => low + Math.floor(random() * (high - low + 1));

  // ---- virtual time

  let now = 0;
  const agenda = createAgenda();
  const at = (time: number, work: () => void): void => agenda.add(Math.max(time, now), work);
  const after = (ms: number, work: () => void): void => at(now + ms, work);
  const fail = (what: string): never => {
    throw new Error(`at ${now} ms: ${what}`);
  };

  // ---- the database

  interface NodeRecord {
    epoch: number;
    alive: boolean;
    renewals: number;
    /** The connection that holds the lock. */
    lock: Connection | undefined;
    lockedAt: number;
    renewedAt: number;
  }
  const nodeRows = new Map<string, NodeRecord>();
  const laneOwner = new Map<string, string | undefined>();
  /** Ended deliveries by lane: they are numbered from 0, and end in order. */
  const endedDeliveries = new Map<string, number>();
  const claims = new Map<string, { node: string; inherited: boolean }>();
  const runEnds = new Map<string, string>();
  let databaseStart = 0;
  let databaseStartByClock = -1_000_000;
  let clockOffset = 0;
  let databaseUp = true;
  let databaseDownUntil = 0;
  let databaseHangsUntil = 0;
  /** The last restart. The first start is long ago. */
  let startedAgainAt = Number.NEGATIVE_INFINITY;
  let hungUntil = Number.NEGATIVE_INFINITY;
  let hungForMs = 0;
  /** The nodes that were connected before. Only the age of the database tells others of a restart. */
  let sawHang: ReadonlySet<string> = new Set();
  let sawRestart: ReadonlySet<string> = new Set();
  for (let n = 0; n < scenario.lanes; n++) laneOwner.set(`lane ${n}`, undefined);

  const mayWrite = (id: string, epoch: number): boolean => {
    const row = nodeRows.get(id);
    return row?.alive === true && row.epoch === epoch;
  };

  /** As the function `take_over` of the schema. */
  function takeOver(
    caller: string,
    epoch: number,
    gone: string,
    goneEpoch: number,
    renewals: number,
  ): boolean {
    const row = nodeRows.get(gone);
    if (!mayWrite(caller, epoch) || row === undefined) return false;
    if (row.epoch !== goneEpoch || row.renewals !== renewals) return false;
    if (row.alive) {
      const victim = processes.find(({ id }) => id === gone);
      if (victim?.isRunning === true) {
        if (leaseLeft(victim.membership, now, timing) > 0)
          fail(`${caller} took over from ${gone}, which may work`);
        if (now - victim.troubleUntil() > timing.leaseMs + 5000 && now - hungUntil > timing.leaseMs + 5000)
          fail(`${gone} was healthy`);
      }
      const knowsRestart = sawRestart.has(caller) || scenario.faults.every(({ kind }) => kind !== 'clock');
      if (knowsRestart && now - startedAgainAt < timing.leaseMs && row.lockedAt < startedAgainAt)
        fail(`${caller} took over from ${gone} right after a restart`);
      // A process that started meanwhile cannot know it.
      if (
        sawHang.has(caller) &&
        now >= hungUntil &&
        now - hungUntil < timing.leaseMs &&
        row.renewedAt < hungUntil &&
        hungForMs > timing.answerMs * 2
      )
        fail(`${caller} took over from ${gone} right after the database hung`);
      row.alive = false;
      row.epoch++;
      count('takeOvers');
    }
    for (const [lane, owner] of laneOwner) if (owner === gone) laneOwner.set(lane, undefined);
    for (const claim of claims.values()) {
      if (claim.node !== gone) continue;
      claim.node = caller;
      claim.inherited = true;
    }
    return true;
  }

  // ---- connections

  interface Connection {
    readonly owner: Process;
    isOpen: boolean;
    /** The lock is held, and a renewal or a join was answered. */
    isReady: boolean;
    /** Answers arrive in order. */
    lastArrival: number;
  }

  // ---- nodes

  class Process {
    readonly id: string;
    membership: Membership = out;
    watch = noSightings;
    isRunning = true;
    isLeaving = false;
    pausedUntil = 0;
    unreachableUntil = 0;
    /** No connection with the lock can be made before. */
    unlockedUntil = 0;
    silentUntil = 0;
    connection: Connection | undefined;
    /** What waits while the process is paused. */
    /** Lanes, with what began when they were gained: that ends with it. */
    readonly own = new Map<string, object>();
    readonly inFlight = new Set<string>();
    readonly leaving = new Set<string>();
    readonly runs = new Set<string>();
    life = 0;
    isBalancing = false;
    isInterrupting = false;

    constructor(id: string) {
      this.id = id;
    }

    troubleUntil(): number {
      return Math.max(
        this.pausedUntil,
        this.unreachableUntil,
        this.unlockedUntil,
        this.silentUntil,
        startedAgainAt,
      );
    }

    get epoch(): number {
      return this.membership.kind === 'member' ? this.membership.epoch : 0;
    }

    /** Call `work` in this process: not while it is paused, and not after it has ended. */
    soon(ms: number, work: () => void): void {
      after(ms, () => {
        if (!this.isRunning) return;
        if (now < this.pausedUntil) at(this.pausedUntil + between(0, 3), () => this.soon(0, work));
        else work();
      });
    }

    become(next: Membership): void {
      const before = this.membership;
      this.membership = next;
      if (before.kind === 'member' && next.kind === 'out') {
        count('lost');
        this.life++;
        this.own.clear();
        this.inFlight.clear();
        this.leaving.clear();
        this.runs.clear();
        this.isInterrupting = false;
        this.isBalancing = false;
        this.soon(0, () => this.join());
      }
      if (next.kind === 'member' && before.kind === 'out') this.startRun();
    }

    /**
     * A statement: it reaches the database or not, and so does its answer. `onLost` is called if the connection breaks
     * before the answer.
     */
    send<T>(execute: () => T, onAnswer: (answer: T) => void, onLost: () => void = () => undefined): void {
      const connection = this.connection;
      if (connection === undefined) {
        onLost();
        return;
      }
      const sentAt = now;
      let isSettled = false;
      const lost = (): void => {
        if (isSettled) return;
        isSettled = true;
        onLost();
      };
      const arrive = (): void => {
        if (!connection.isOpen) {
          this.soon(0, lost);
          return;
        }
        const blockedUntil = Math.max(this.silentUntil, databaseHangsUntil);
        if (now < blockedUntil) {
          at(blockedUntil + between(0, 20), arrive);
          return;
        }
        if (!databaseUp) {
          this.soon(0, lost);
          return;
        }
        const answer = execute();
        const back = (): void => {
          if (now < this.silentUntil) {
            at(this.silentUntil + between(0, 20), back);
            return;
          }
          this.soon(0, () => {
            if (isSettled) return;
            if (!connection.isOpen || this.connection !== connection) {
              lost();
              return;
            }
            isSettled = true;
            if (connection.isReady) this.become(heard(this.membership, sentAt));
            onAnswer(answer);
          });
        };
        connection.lastArrival = Math.max(connection.lastArrival, now + between(0, 25));
        at(connection.lastArrival, back);
      };
      after(between(0, 25), arrive);
      // No answer for too long: the connection counts as broken.
      this.soon(timing.answerMs, () => {
        if (!isSettled && this.connection === connection) this.broken(connection);
        lost();
      });
    }

    /** The node notices that its connection broke. */
    broken(connection: Connection): void {
      if (this.connection !== connection) return;
      this.connection = undefined;
      closeConnection(connection);
      this.watch = wasAway(this.watch);
      this.connect();
    }

    connect(): void {
      if (this.connection !== undefined) return;
      const canReach = databaseUp && now >= databaseHangsUntil;
      if (!canReach || now < Math.max(this.unreachableUntil, this.unlockedUntil, this.silentUntil)) {
        this.soon(200, () => this.connect());
        return;
      }
      const connection: Connection = { owner: this, isOpen: true, isReady: false, lastArrival: now };
      connections.add(connection);
      this.connection = connection;
      this.send(
        () => {
          const row = nodeRows.get(this.id);
          // An earlier connection of this node is ended.
          if (row?.lock !== undefined && row.lock !== connection) closeConnection(row.lock);
          if (row === undefined) return;
          row.lock = connection;
          row.lockedAt = now;
        },
        () => {
          if (this.membership.kind === 'member') this.renew();
          else this.join();
        },
      );
    }

    join(): void {
      if (this.connection === undefined || this.membership.kind === 'member' || this.isLeaving) return;
      const sentAt = now;
      const connection = this.connection;
      this.send(
        () => {
          const row = nodeRows.get(this.id);
          const next = {
            epoch: (row?.epoch ?? 0) + (row?.alive === true ? 0 : 1),
            alive: true,
            renewals: (row?.renewals ?? 0) + 1,
            lock: connection.isOpen ? connection : undefined,
            lockedAt: now,
            renewedAt: now,
          };
          nodeRows.set(this.id, next);
          return next.epoch;
        },
        (epoch) => {
          connection.isReady = true;
          this.become(joined(epoch, sentAt));
        },
        () => this.soon(300, () => this.join()),
      );
    }

    renew(): void {
      const { epoch } = this;
      if (epoch === 0) return;
      const sentAt = now;
      this.send(
        () => {
          const isFound = mayWrite(this.id, epoch);
          if (isFound) {
            const row = nodeRows.get(this.id) as NodeRecord;
            row.renewals++;
            row.renewedAt = now;
          }
          return isFound;
        },
        (isFound) => {
          if (this.connection !== undefined) this.connection.isReady = true;
          this.become(renewed(this.membership, epoch, sentAt, isFound));
        },
      );
    }

    look(): void {
      const startedAt = now;
      this.send(
        () => ({
          rows: [...nodeRows].map(([id, { epoch, alive, renewals, lock }]) => ({
            id,
            epoch,
            alive,
            renewals,
            locked: lock?.isOpen === true,
            leavesRuns: !alive && [...claims.values()].some(({ node }) => node === id),
          })),
          databaseStart: String(databaseStart),
          databaseAgeMs: now + clockOffset - databaseStartByClock,
          owners: [...laneOwner.values()],
        }),
        ({ rows, owners, ...database }) => {
          const verdict = judge(this.watch, { rows, startedAt, endedAt: now, ...database }, this.id, timing);
          this.watch = verdict.watch;
          const { epoch } = this;
          if (epoch > 0 && leaseLeft(this.membership, now, timing) > 0) {
            for (const gone of verdict.dead) {
              this.send(
                () => takeOver(this.id, epoch, gone.id, gone.epoch, gone.renewals),
                () => undefined,
              );
            }
          }
          const owned = new Map<string, number>();
          for (const { id, alive } of rows) if (alive) owned.set(id, 0);
          let free = 0;
          for (const owner of owners) {
            if (owner === undefined) free++;
            else if (owned.has(owner)) owned.set(owner, (owned.get(owner) ?? 0) + 1);
          }
          if (!this.isLeaving) this.balance({ owned, free });
          this.interruptInherited();
        },
      );
    }

    balance(laneCounts: LaneCounts): void {
      const { epoch, life } = this;
      if (epoch === 0 || this.isBalancing) return;
      const plan = planLanes(laneCounts, this.id);
      if (plan.claim > 0) {
        this.isBalancing = true;
        this.send(
          () => {
            if (!mayWrite(this.id, epoch)) return [];
            const free = [...laneOwner].filter(([, owner]) => owner === undefined).slice(0, plan.claim);
            for (const [lane] of free) laneOwner.set(lane, this.id);
            return free.map(([lane]) => lane);
          },
          (lanes) => {
            if (life !== this.life) return;
            this.isBalancing = false;
            for (const lane of lanes) this.gain(lane);
          },
          () => {
            if (life === this.life) this.findOwn(life);
          },
        );
      }
      const surplus = plan.handOver - this.leaving.size;
      const movable = [...this.own.keys()].filter((lane) => !this.leaving.has(lane));
      if (surplus > 0) for (const lane of movable.slice(-surplus)) this.handOver(lane);
    }

    /** The answer to a claim was lost. */
    findOwn(life: number): void {
      this.send(
        () => [...laneOwner].flatMap(([lane, owner]) => (owner === this.id ? [lane] : [])),
        (lanes) => {
          if (life !== this.life) return;
          this.isBalancing = false;
          for (const lane of lanes) if (!this.leaving.has(lane)) this.gain(lane);
        },
        () => this.soon(300, () => life === this.life && this.findOwn(life)),
      );
    }

    handOver(lane: string): void {
      count('handOvers');
      this.leaving.add(lane);
      this.releaseWhenIdle(lane, this.life);
    }

    releaseWhenIdle(lane: string, life: number): void {
      if (life !== this.life) return;
      if (this.inFlight.has(lane)) {
        this.soon(20, () => this.releaseWhenIdle(lane, life));
        return;
      }
      this.own.delete(lane);
      const release = (): void => {
        if (life !== this.life) return;
        this.send(
          () => {
            if (laneOwner.get(lane) === this.id) laneOwner.set(lane, undefined);
          },
          () => {
            if (life === this.life) this.leaving.delete(lane);
          },
          () => this.soon(250, release),
        );
      };
      release();
    }

    // ---- deliveries of a lane, one at a time and in order

    gain(lane: string): void {
      if (this.own.has(lane) || this.isLeaving) return;
      const work = {};
      this.own.set(lane, work);
      const read = (): void =>
        this.send(
          () => endedDeliveries.get(lane) ?? 0,
          (next) => this.deliver(lane, next, work),
          () => this.soon(300, () => this.own.get(lane) === work && read()),
        );
      read();
    }

    deliver(lane: string, delivery: number, work: object): void {
      if (this.own.get(lane) !== work || this.leaving.has(lane)) return;
      const left = leaseLeft(this.membership, now, timing);
      if (left < 1) {
        this.soon(50, () => this.deliver(lane, delivery, work));
        return;
      }
      // The promise: a request begins only at the owner, and only if all earlier ones have ended.
      if (laneOwner.get(lane) !== this.id || !mayWrite(this.id, this.epoch))
        fail(`${this.id} began delivery ${delivery} of ${lane}, owned by ${laneOwner.get(lane)}`);
      if ((endedDeliveries.get(lane) ?? 0) !== delivery)
        fail(`${this.id} began delivery ${delivery} out of order`);
      this.inFlight.add(lane);
      this.soon(Math.min(between(5, 400), left), () => {
        if (this.own.get(lane) === work) this.record(lane, delivery, work, this.epoch);
      });
    }

    /**
     * A write of the store, on another connection than the lock: it is made once, and its outcome is looked up if its
     * answer is lost.
     */
    write(epoch: number, execute: () => void, onDone: (isDone: boolean) => void): void {
      let outcome: boolean | undefined;
      const attempt = (): void => {
        const blockedUntil = Math.max(this.silentUntil, this.unreachableUntil, databaseHangsUntil);
        if (now < blockedUntil || !databaseUp) {
          this.soon(Math.max(blockedUntil - now, 300), attempt);
          return;
        }
        // Also if the process has stopped or ended meanwhile: the statement is on its way.
        if (outcome === undefined) {
          outcome = mayWrite(this.id, epoch);
          if (outcome) execute();
        }
        const made = outcome;
        if (random() < 0.05) this.soon(between(50, 1500), attempt);
        else this.soon(between(0, 25), () => onDone(made));
      };
      after(between(0, 25), attempt);
    }

    record(lane: string, delivery: number, work: object, epoch: number): void {
      this.write(
        epoch,
        () => {
          if (laneOwner.get(lane) !== this.id)
            fail(`${this.id} recorded a delivery of ${lane} without owning it`);
          if ((endedDeliveries.get(lane) ?? 0) !== delivery)
            fail(`delivery ${delivery} of ${lane} ended out of order`);
          endedDeliveries.set(lane, delivery + 1);
          count('deliveries');
        },
        (isDone) => {
          if (!isDone) {
            count('fenced');
            this.become(refused(this.membership, epoch));
            return;
          }
          if (this.own.get(lane) !== work) return;
          this.inFlight.delete(lane);
          this.soon(between(100, random() < 0.2 ? 3000 : 500), () => this.deliver(lane, delivery + 1, work));
        },
      );
    }

    // ---- runs

    startRun(): void {
      if (this.isLeaving || now > faultsEndMs) return;
      const { epoch, life } = this;
      const run = `run ${runNumber++}`;
      this.write(
        epoch,
        () => claims.set(run, { node: this.id, inherited: false }),
        (isDone) => {
          if (!isDone) {
            this.become(refused(this.membership, epoch));
            return;
          }
          if (life !== this.life) return;
          this.runs.add(run);
          this.soon(between(100, 8000), () => {
            if (life !== this.life) return;
            this.endRun(run, 'completed', epoch, life);
          });
          this.soon(between(1000, 4000), () => life === this.life && this.startRun());
        },
      );
    }

    endRun(run: string, end: string, epoch: number, life: number): void {
      this.write(
        epoch,
        () => {
          const claim = claims.get(run);
          if (claim?.node !== this.id) fail(`${this.id} ended ${run} without owning it`);
          if (runEnds.has(run)) fail(`${run} ended twice`);
          runEnds.set(run, end);
          claims.delete(run);
        },
        (isDone) => {
          if (!isDone) {
            this.become(refused(this.membership, epoch));
            return;
          }
          if (life === this.life) this.runs.delete(run);
        },
      );
    }

    interruptInherited(): void {
      const { epoch, life } = this;
      if (epoch === 0 || this.isInterrupting) return;
      this.isInterrupting = true;
      this.send(
        () =>
          [...claims].flatMap(([run, { node, inherited }]) => (node === this.id && inherited ? [run] : [])),
        (runs) => {
          if (life !== this.life) return;
          const ended = (): void => {
            if (life === this.life) this.isInterrupting = false;
          };
          if (runs.length === 0) {
            ended();
            return;
          }
          this.write(
            epoch,
            () => {
              for (const run of runs) {
                if (claims.get(run)?.node !== this.id)
                  fail(`${this.id} interrupted ${run} without owning it`);
                if (runEnds.has(run)) fail(`${run} ended twice`);
                runEnds.set(run, 'interrupted');
                claims.delete(run);
                count('inherited');
              }
            },
            (isDone) => {
              if (!isDone) this.become(refused(this.membership, epoch));
              ended();
            },
          );
        },
        () => {
          if (life === this.life) this.isInterrupting = false;
        },
      );
    }

    // ---- the life of a process

    start(): void {
      this.connect();
      const looking = (): void => {
        this.look();
        this.soon(timing.lookMs, looking);
      };
      const renewing = (): void => {
        this.renew();
        this.soon(timing.renewMs, renewing);
      };
      this.soon(between(0, 50), looking);
      const polling = (): void => {
        if (this.connection?.isReady === true) {
          this.send(
            () => undefined,
            () => undefined,
          );
        }
        this.soon(timing.pollMs, polling);
      };
      this.soon(timing.renewMs, renewing);
      this.soon(timing.pollMs, polling);
    }

    crash(): void {
      this.isRunning = false;
      if (this.connection !== undefined) closeConnection(this.connection);
    }

    /** Lanes are handed over; runs that have not ended are left for another node. */
    leave(): void {
      for (const lane of this.own.keys()) if (!this.leaving.has(lane)) this.handOver(lane);
      const { life } = this;
      const leaveWhenIdle = (): void => {
        if (life !== this.life) {
          this.crash();
          return;
        }
        if (this.inFlight.size > 0 || this.leaving.size > 0) {
          this.soon(20, leaveWhenIdle);
          return;
        }
        const { epoch } = this;
        this.send(
          () => {
            const row = nodeRows.get(this.id);
            if (row === undefined || !mayWrite(this.id, epoch)) return;
            row.alive = false;
            row.epoch++;
            for (const [lane, owner] of laneOwner) if (owner === this.id) laneOwner.set(lane, undefined);
          },
          () => this.crash(),
          () => this.crash(),
        );
      };
      leaveWhenIdle();
    }
  }

  const connections = new Set<Connection>();
  let runNumber = 0;

  function closeConnection(connection: Connection): void {
    connection.isOpen = false;
    connections.delete(connection);
  }

  /** The server's end of a connection is gone; its node notices that soon, unless it is paused. */
  function breakConnection(connection: Connection): void {
    closeConnection(connection);
    connection.owner.soon(between(0, noticeMs), () => connection.owner.broken(connection));
  }

  const processes: Process[] = [];
  /** The process in each place. */
  const places: Process[] = [];
  function startProcess(place: number): void {
    const earlier = places[place];
    // Another fault has started one meanwhile.
    if (earlier?.isRunning === true && !earlier.isLeaving) return;
    const process = new Process(`node ${processes.length}`);
    processes.push(process);
    places[place] = process;
    process.start();
  }
  for (let place = 0; place < scenario.nodes; place++) after(between(0, 2000), () => startProcess(place));

  for (const fault of scenario.faults) at(fault.at, () => begin(fault));

  function connectedNodes(): ReadonlySet<string> {
    return new Set(processes.flatMap(({ id, connection }) => (connection?.isReady === true ? [id] : [])));
  }

  function begin(fault: Fault): void {
    switch (fault.kind) {
      case 'restart':
        databaseUp = false;
        databaseDownUntil = Math.max(databaseDownUntil, now + fault.forMs);
        sawRestart = connectedNodes();
        for (const connection of [...connections]) breakConnection(connection);
        after(fault.forMs, () => {
          // Another restart has stopped it meanwhile.
          if (now < databaseDownUntil) return;
          databaseUp = true;
          databaseStart = now;
          databaseStartByClock = now + clockOffset;
          startedAgainAt = now;
        });
        return;
      case 'hang':
        databaseHangsUntil = Math.max(databaseHangsUntil, now + fault.forMs);
        hungForMs = now < hungUntil ? hungForMs : fault.forMs;
        hungUntil = databaseHangsUntil;
        sawHang = connectedNodes();
        return;
      case 'clock':
        clockOffset += fault.byMs;
        return;
    }
    const process = places[fault.node % scenario.nodes];
    if (process === undefined || !process.isRunning || process.isLeaving) return;
    switch (fault.kind) {
      case 'pause':
        process.pausedUntil = Math.max(process.pausedUntil, now + fault.forMs);
        return;
      case 'cut':
        process.unreachableUntil = Math.max(process.unreachableUntil, now + fault.forMs);
        if (process.connection !== undefined) breakConnection(process.connection);
        return;
      case 'unlock':
        process.unlockedUntil = Math.max(process.unlockedUntil, now + fault.forMs);
        if (process.connection !== undefined) breakConnection(process.connection);
        return;
      case 'silence':
        process.silentUntil = Math.max(process.silentUntil, now + fault.forMs);
        return;
      case 'crash':
        process.crash();
        after(fault.forMs, () => startProcess(fault.node % scenario.nodes));
        return;
      case 'leave':
        process.isLeaving = true;
        process.soon(0, () => process.leave());
        after(fault.forMs, () => startProcess(fault.node % scenario.nodes));
    }
  }

  agenda.run(faultsEndMs + quietMs, (time) => {
    now = time;
  });

  // ---- in the end

  const running = places.filter(({ isRunning, isLeaving }) => isRunning && !isLeaving);
  for (const { id, epoch, membership } of running) {
    if (!mayWrite(id, epoch)) fail(`${id} is not a member in the end`);
    if (leaseLeft(membership, now, timing) === 0) fail(`${id} has no lease in the end`);
  }
  const shares = running.map(({ id }) => [...laneOwner.values()].filter((owner) => owner === id).length);
  if (shares.reduce((sum, share) => sum + share, 0) !== scenario.lanes)
    fail(`a lane has no owner: ${shares}`);
  if (Math.max(...shares) - Math.min(...shares) > 1) fail(`uneven shares: ${shares}`);
  for (const lane of laneOwner.keys())
    if ((endedDeliveries.get(lane) ?? 0) < 20) fail(`${lane} did not go on: ${endedDeliveries.get(lane)}`);
  for (let n = 0; n < runNumber; n++) {
    const run = `run ${n}`;
    if (claims.has(run)) fail(`${run} has not ended`);
  }
  return counts;
}

/** What happens when, in order of time; at the same time, in order of the calls. */
function createAgenda(): {
  add(time: number, work: () => void): void;
  run(until: number, tick: (time: number) => void): void;
} {
  const heap: { readonly time: number; readonly order: number; readonly work: () => void }[] = [];
  let order = 0;
  const isBefore = (left: number, right: number): boolean => {
    const [a, b] = [heap[left], heap[right]];
    if (a === undefined || b === undefined) return false;
    return a.time < b.time || (a.time === b.time && a.order < b.order);
  };
  const swap = (left: number, right: number): void => {
    const [a, b] = [heap[left], heap[right]];
    if (a !== undefined && b !== undefined) [heap[left], heap[right]] = [b, a];
  };
  return {
    add(time, work) {
      heap.push({ time, order: order++, work });
      for (let child = heap.length - 1; child > 0; ) {
        const parent = (child - 1) >> 1;
        if (!isBefore(child, parent)) break;
        swap(child, parent);
        child = parent;
      }
    },
    run(until, tick) {
      for (let first = heap[0]; first !== undefined && first.time <= until; first = heap[0]) {
        const last = heap.pop();
        if (last !== undefined && heap.length > 0) {
          heap[0] = last;
          for (let parent = 0; ; ) {
            const [left, right] = [2 * parent + 1, 2 * parent + 2];
            let least = parent;
            if (isBefore(left, least)) least = left;
            if (isBefore(right, least)) least = right;
            if (least === parent) break;
            swap(parent, least);
            parent = least;
          }
        }
        tick(first.time);
        first.work();
      }
    },
  };
}

/** Numbers from 0 to 1 that a seed decides (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
