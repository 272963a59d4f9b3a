// PostgreSQL's JDBC driver with its default settings: a statement is prepared on the server the fifth time.
// Prints the lines that ../python/suite.py describes.

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.StringReader;
import java.io.StringWriter;
import java.math.BigDecimal;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Array;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Savepoint;
import java.sql.Statement;
import java.time.LocalDate;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.postgresql.PGConnection;
import org.postgresql.PGNotification;

public class Jdbc {
    interface Check { void run(Connection c) throws Exception; }
    interface SetUp { int run(Connection c) throws Exception; }
    interface Look { boolean run(Connection c) throws Exception; }

    static final Set<String> LOST = Set.of("42P01", "26000", "34000");
    static final boolean ONLY_STATE = "state".equals(System.getenv("CLIENTS_CHECKS"));
    static int passed = 0;
    static int failed = 0;

    static Connection connect() throws SQLException {
        String url = "jdbc:postgresql://" + System.getenv("PGHOST") + ":" + System.getenv("PGPORT") + "/" + System.getenv("PGDATABASE");
        return DriverManager.getConnection(url, System.getenv("PGUSER"), System.getenv("PGPASSWORD"));
    }

    static void say(String outcome, String feature, Object why) {
        if (outcome.equals("fail")) failed++;
        else if (!outcome.equals("skip")) passed++;
        System.out.println(outcome + " " + feature + (why == null ? "" : ": " + why.toString().replaceAll("\\s+", " ").trim()));
    }

    static void check(String feature, Check check) {
        if (ONLY_STATE) return;
        try (Connection c = connect()) {
            check.run(c);
            say("pass", feature, null);
        } catch (Throwable why) {
            say("fail", feature, why);
        }
    }

    static void same(Object got, Object want) {
        if (!Objects.equals(got, want)) throw new AssertionError("got " + got + ", not " + want);
    }

    static Object value(Connection c, String sql, Object... parameters) throws SQLException {
        try (PreparedStatement s = c.prepareStatement(sql)) {
            for (int i = 0; i < parameters.length; i++) s.setObject(i + 1, parameters[i]);
            try (ResultSet rows = s.executeQuery()) {
                return rows.next() ? rows.getObject(1) : null;
            }
        }
    }

    static void run(Connection c, String sql) throws SQLException {
        try (Statement s = c.createStatement()) {
            s.execute(sql);
        }
    }

    static void fails(String state, Check check, Connection c) throws Exception {
        try {
            check.run(c);
        } catch (SQLException why) {
            same(why.getSQLState(), state);
            return;
        }
        throw new AssertionError("no error where " + state + " was to come");
    }

    public static void main(String[] arguments) throws Exception {
        check("connect", c -> same(value(c, "SELECT current_database()::text"), System.getenv("PGDATABASE")));
        check("query", Jdbc::query);
        check("parameters", c -> same(value(c, "SELECT ?::int + 1 || ' ' || ?::text", 41, "it's ünïcode"), "42 it's ünïcode"));
        check("prepared", Jdbc::prepared);
        check("prepared, many", Jdbc::preparedMany);
        check("transaction", Jdbc::transaction);
        check("rollback", Jdbc::rollback);
        check("error", Jdbc::error);
        check("COPY in", Jdbc::copyIn);
        check("COPY out", Jdbc::copyOut);
        check("timeout", Jdbc::timeout);
        check("cancel", Jdbc::cancel);
        check("concurrency", Jdbc::concurrency);
        check("types", Jdbc::types);
        check("large result", Jdbc::large);
        check("cursor", Jdbc::cursor);
        check("pipeline", Jdbc::pipeline);
        state("LISTEN", c -> setUp(c, "LISTEN news"), Jdbc::heard);
        for (String line : Files.readAllLines(Path.of(System.getenv("CLIENTS_STATE")))) {
            String[] part = line.split("\t");
            state(part[0], c -> setUp(c, part[1]), c -> part[3].equals(value(c, part[2])));
        }
        System.out.println(passed + " passed, " + failed + " failed");
        System.exit(failed == 0 ? 0 : 1);
    }

    static void query(Connection c) throws Exception {
        try (Statement s = c.createStatement()) {
            ResultSet rows = s.executeQuery("SELECT 'plain'");
            rows.next();
            same(rows.getString(1), "plain");
            s.execute("SELECT 1; SELECT 2");
            same(s.getMoreResults(), true);
            rows = s.getResultSet();
            rows.next();
            same(rows.getInt(1), 2);
        }
    }

    static void prepared(Connection unused) throws Exception {
        List<Connection> connections = new ArrayList<>();
        List<PreparedStatement> statements = new ArrayList<>();
        for (int i = 0; i < 6; i++) {
            // Each prepares under the same name as the others, and something else.
            connections.add(connect());
            statements.add(connections.get(i).prepareStatement("SELECT ?::int * " + (i + 1)));
        }
        for (int turn = 0; turn < 12; turn++) {
            for (int i = 0; i < 6; i++) {
                statements.get(i).setInt(1, turn);
                ResultSet rows = statements.get(i).executeQuery();
                rows.next();
                same(rows.getInt(1), turn * (i + 1));
            }
        }
        for (Connection c : connections) c.close();
    }

    static void preparedMany(Connection c) throws Exception {
        for (int i = 0; i < 300; i++) { // more than preparedStatementCacheQueries, so that some are forgotten again
            for (int turn = 0; turn < 6; turn++) same(value(c, "SELECT " + i + " + ?::int", turn), i + turn);
        }
        for (int i = 0; i < 300; i++) same(value(c, "SELECT " + i + " + ?::int", 1), i + 1);
    }

    static void transaction(Connection c) throws Exception {
        c.setAutoCommit(false);
        run(c, "CREATE TABLE counter (n int NOT NULL)");
        run(c, "INSERT INTO counter VALUES (0)");
        c.commit();
        same(value(c, "SELECT count(*) FROM counter"), 1L);
        c.rollback();
    }

    static void rollback(Connection c) throws Exception {
        c.setAutoCommit(false);
        run(c, "INSERT INTO counter VALUES (1)");
        Savepoint savepoint = c.setSavepoint();
        run(c, "INSERT INTO counter VALUES (2)");
        c.rollback(savepoint);
        same(value(c, "SELECT count(*) FROM counter"), 2L);
        c.rollback();
        same(value(c, "SELECT count(*) FROM counter"), 1L);
        c.rollback();
    }

    static void error(Connection c) throws Exception {
        fails("42P01", x -> run(x, "SELECT * FROM no_such_table"), c);
        for (int turn = 0; turn < 8; turn++) fails("22012", x -> value(x, "SELECT 1 / ?::int", 0), c);
        same(value(c, "SELECT 1 / ?::int", 1), 1);
        c.setAutoCommit(false);
        fails("42P01", x -> run(x, "SELECT * FROM no_such_table"), c);
        fails("25P02", x -> run(x, "SELECT 1"), c);
        c.rollback();
        same(value(c, "SELECT 1"), 1);
        c.rollback();
    }

    static void copyIn(Connection c) throws Exception {
        run(c, "CREATE TABLE copied (n int, t text)");
        StringBuilder rows = new StringBuilder();
        for (int n = 0; n < 20_000; n++) rows.append(n).append("\trow ").append(n).append('\n');
        c.unwrap(PGConnection.class).getCopyAPI().copyIn("COPY copied FROM STDIN", new StringReader(rows.toString()));
        same(value(c, "SELECT count(*) FROM copied"), 20_000L);
    }

    static void copyOut(Connection c) throws Exception {
        StringWriter out = new StringWriter();
        same(c.unwrap(PGConnection.class).getCopyAPI().copyOut("COPY copied TO STDOUT", out), 20_000L);
        same(out.toString().lines().count(), 20_000L);
    }

    static void timeout(Connection c) throws Exception {
        try (Statement s = c.createStatement()) { // the driver's own time-out sends a cancel request
            s.setQueryTimeout(1);
            fails("57014", x -> s.execute("SELECT pg_sleep(20)"), c);
        }
        same(value(c, "SELECT 1"), 1);
        c.setAutoCommit(false);
        run(c, "SET LOCAL statement_timeout = '50ms'");
        fails("57014", x -> run(x, "SELECT pg_sleep(20)"), c);
        c.rollback();
        same(value(c, "SELECT 1"), 1);
        c.rollback();
    }

    static void cancel(Connection c) throws Exception {
        try (Statement s = c.createStatement()) {
            Thread thread = new Thread(() -> {
                try {
                    Thread.sleep(200);
                    s.cancel();
                } catch (Exception why) {
                    throw new RuntimeException(why);
                }
            });
            thread.start();
            fails("57014", x -> s.execute("SELECT pg_sleep(20)"), c);
            thread.join();
        }
        same(value(c, "SELECT 1"), 1);
    }

    static void concurrency(Connection c) throws Exception {
        ExecutorService threads = Executors.newFixedThreadPool(20);
        List<Future<?>> all = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            all.add(threads.submit(() -> {
                try (Connection one = connect()) {
                    one.setAutoCommit(false);
                    for (int n = 0; n < 5; n++) {
                        run(one, "UPDATE counter SET n = n + 1");
                        one.commit();
                    }
                }
                return null;
            }));
        }
        for (Future<?> one : all) one.get(30, TimeUnit.SECONDS);
        threads.shutdown();
        same(value(c, "SELECT n FROM counter"), 100);
    }

    static void types(Connection c) throws Exception {
        OffsetDateTime at = OffsetDateTime.parse("2026-02-28T01:02:03.456789Z");
        for (int turn = 0; turn < 7; turn++) { // from the fifth on results come in binary
            same(value(c, "SELECT ?::bool", true), true);
            same(value(c, "SELECT ?::int8", 1L << 40), 1L << 40);
            same(value(c, "SELECT ?::float8", 1.5), 1.5);
            same(value(c, "SELECT ?::numeric", new BigDecimal("12345678901234567890.123456789")), new BigDecimal("12345678901234567890.123456789"));
            same(value(c, "SELECT ?::text", "text ✓"), "text ✓");
            same(Arrays.toString((byte[]) value(c, "SELECT ?::bytea", new byte[] {0, -1})), "[0, -1]");
            same(value(c, "SELECT ?::uuid", new UUID(0, 7)), new UUID(0, 7));
            same(value(c, "SELECT ?::date", LocalDate.of(2026, 2, 28)).toString(), "2026-02-28");
            same(Arrays.toString((Object[]) ((Array) value(c, "SELECT ?::int[]", c.createArrayOf("int4", new Integer[] {1, 2, 3}))).getArray()), "[1, 2, 3]");
            try (PreparedStatement s = c.prepareStatement("SELECT ?::timestamptz")) {
                s.setObject(1, at);
                ResultSet rows = s.executeQuery();
                rows.next();
                same(rows.getObject(1, OffsetDateTime.class).toInstant(), at.toInstant());
            }
        }
    }

    static void large(Connection c) throws Exception {
        int count = 0;
        String last = "";
        try (Statement s = c.createStatement(); ResultSet rows = s.executeQuery("SELECT n, repeat(n::text, 20) FROM generate_series(1, 100000) n")) {
            while (rows.next()) {
                count++;
                last = rows.getString(2);
            }
        }
        same(count, 100_000);
        same(last, "100000".repeat(20));
        same(((String) value(c, "SELECT repeat('x', 20000000)")).length(), 20_000_000);
    }

    static void cursor(Connection c) throws Exception {
        c.setAutoCommit(false);
        try (Statement s = c.createStatement()) {
            s.setFetchSize(100); // a portal that is executed a hundred rows at a time
            ResultSet rows = s.executeQuery("SELECT n FROM generate_series(1, 1000) n");
            long sum = 0;
            while (rows.next()) sum += rows.getInt(1);
            same(sum, 500_500L);
        }
        c.commit();
    }

    static void pipeline(Connection c) throws Exception {
        run(c, "CREATE TABLE many (n int)");
        try (PreparedStatement s = c.prepareStatement("INSERT INTO many VALUES (?)")) {
            for (int n = 0; n < 5_000; n++) {
                s.setInt(1, n);
                s.addBatch();
            }
            same(s.executeBatch().length, 5_000);
        }
        same(value(c, "SELECT count(*) FROM many"), 5_000L);
    }

    static int setUp(Connection c, String sql) throws Exception {
        c.setAutoCommit(false);
        run(c, sql);
        int pid = (Integer) value(c, "SELECT pg_backend_pid()");
        c.commit();
        c.setAutoCommit(true);
        return pid;
    }

    static boolean heard(Connection c) throws Exception {
        try (Connection other = connect()) {
            run(other, "NOTIFY news, 'something'");
        }
        run(c, "SELECT 1");
        PGNotification[] told = c.unwrap(PGConnection.class).getNotifications(500);
        return told != null && told.length == 1 && told[0].getParameter().equals("something");
    }

    static void state(String feature, SetUp setUp, Look stillThere) {
        Connection c = null;
        try {
            int pid;
            try {
                c = connect();
                pid = setUp.run(c);
            } catch (SQLException why) {
                say("refused", feature, why.getMessage().lines().findFirst().orElse(""));
                return;
            }
            try (Socket thief = new Socket("127.0.0.1", Integer.parseInt(System.getenv("CLIENTS_THIEF")))) {
                thief.getOutputStream().write((System.getenv("PGDATABASE") + " " + pid + "\n").getBytes(StandardCharsets.UTF_8));
                String found = new BufferedReader(new InputStreamReader(thief.getInputStream())).readLine();
                if (!"stolen".equals(found) && !"pinned".equals(found)) throw new AssertionError("the thief says: " + found);
                boolean there = stillThere.run(c);
                if (found.equals("pinned")) say(there ? "pinned" : "fail", feature, there ? null : "pinned, and yet lost");
                else say(there ? "kept" : "lost", feature, null);
            } catch (SQLException why) {
                boolean lost = LOST.contains(why.getSQLState());
                say(lost ? "lost" : "refused", feature, lost ? null : why.getMessage().lines().findFirst().orElse(""));
            }
        } catch (Throwable why) {
            say("fail", feature, why);
        } finally {
            try {
                if (c != null) c.close();
            } catch (SQLException closed) {
                // A refusal may have ended it already.
            }
        }
    }
}
