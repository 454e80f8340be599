// The health check of MongoDB, which also makes it a replica set: run by mongosh, again and again.
// Exits with 0 when this node is the primary of rs0, so that whoever waits for it can write.
// Credentials come from the environment: arguments would show in the process list.

const NOT_YET_INITIALIZED = 94;
const ALREADY_INITIALIZED = 23;

db.getSiblingDB("admin").auth(
  process.env.MONGO_INITDB_ROOT_USERNAME,
  process.env.MONGO_INITDB_ROOT_PASSWORD,
);

let status;
try {
  status = db.adminCommand({ replSetGetStatus: 1 });
} catch (error) {
  status = { ok: 0, code: error.code };
}
if (status.ok !== 1 && status.code === NOT_YET_INITIALIZED) {
  try {
    // The name by which the application reaches it: clients are sent to the members' names.
    rs.initiate({ _id: "rs0", members: [{ _id: 0, host: process.env.REPLICA_SET_HOST }] });
  } catch (error) {
    if (error.code !== ALREADY_INITIALIZED) {
      throw error;
    }
  }
}
// While the image makes the first user, a server outside any replica set answers here.
const hello = db.hello();
quit(hello.setName === "rs0" && hello.isWritablePrimary ? 0 : 1);
