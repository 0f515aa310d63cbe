import java.util.HashMap;
import java.util.Map;
import org.flywaydb.core.Flyway;
import org.flywaydb.core.api.MigrationInfo;

/** Flyway's engine behind the part of its command line that the tests need: -KEY=VALUE ... migrate | info | validate | repair | baseline | undo. */
public class RunFlyway {
  public static void main(String[] args) {
    Map<String, String> settings = new HashMap<>();
    String command = "";
    for (String arg : args) {
      int equals = arg.indexOf('=');
      if (arg.startsWith("-") && equals > 0) settings.put("flyway." + arg.substring(1, equals), arg.substring(equals + 1));
      else command = arg;
    }
    try {
      Flyway flyway = Flyway.configure().envVars().configuration(settings).load();
      switch (command) {
        case "migrate" -> System.out.println("Applied " + flyway.migrate().migrationsExecuted);
        case "validate" -> flyway.validate();
        case "repair" -> flyway.repair();
        case "baseline" -> flyway.baseline();
        case "undo" -> flyway.undo();
        case "info" -> {
          for (MigrationInfo one : flyway.info().all())
            System.out.println(one.getScript() + "\t" + one.getChecksum() + "\t" + one.getState());
        }
        default -> throw new IllegalArgumentException("unknown command " + command);
      }
    } catch (Exception error) {
      for (Throwable cause = error; cause != null; cause = cause.getCause()) System.err.println("ERROR: " + cause.getMessage());
      System.exit(1);
    }
  }
}
