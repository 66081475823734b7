-- A project as version 1 wrote it. Never edit: it must open in every later version.
PRAGMA application_id=1297304407;
PRAGMA user_version=1;
BEGIN TRANSACTION;
CREATE TABLE annotations (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        image_id TEXT NOT NULL REFERENCES images(id),
        category_id INTEGER NOT NULL REFERENCES categories(id),
        mask_height INTEGER NOT NULL,
        mask_width INTEGER NOT NULL,
        mask_counts TEXT NOT NULL,
        bbox_x REAL NOT NULL,
        bbox_y REAL NOT NULL,
        bbox_width REAL NOT NULL,
        bbox_height REAL NOT NULL,
        area REAL NOT NULL,
        iscrowd INTEGER NOT NULL,
        author TEXT NOT NULL,
        score REAL,
        query TEXT,
        trajectory_id TEXT,
        created_at TEXT NOT NULL,
        import_key TEXT,
        mask_edited INTEGER NOT NULL,
        original TEXT
      ) STRICT;
INSERT INTO "annotations" VALUES(1,'img_ade98251556c6442',1,30,40,'k44j00000000ok0',5.0,5.0,5.0,4.0,20.0,0,'agent',0.9,'q','t1','2026-11-22T16:44:00.367Z',NULL,1,NULL);
CREATE TABLE categories (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL,
        supercategory TEXT NOT NULL,
        color TEXT NOT NULL,
        original TEXT
      ) STRICT;
INSERT INTO "categories" VALUES(1,'box','','#0072b2',NULL);
CREATE TABLE images (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        root_id INTEGER NOT NULL REFERENCES roots(id),
        path TEXT NOT NULL,
        name TEXT NOT NULL,
        sort_key TEXT NOT NULL,
        search TEXT NOT NULL,
        sha256 TEXT NOT NULL,
        width INTEGER NOT NULL CHECK (width > 0),
        height INTEGER NOT NULL CHECK (height > 0),
        state TEXT NOT NULL CHECK (state IN ('todo', 'review', 'done')),
        coco_id INTEGER UNIQUE,
        original TEXT,
        UNIQUE (root_id, path)
      ) STRICT;
INSERT INTO "images" VALUES(1,'img_ade98251556c6442',1,'a.png','a.png','a.png','a.png','ab',40,30,'done',NULL,NULL);
INSERT INTO "images" VALUES(2,'img_cccf2447e92d8231',1,'b.png','b.png','b.png','b.png','ab',40,30,'todo',NULL,NULL);
CREATE TABLE jobs (
        id TEXT PRIMARY KEY,
        seq INTEGER NOT NULL UNIQUE,
        kind TEXT NOT NULL,
        label TEXT NOT NULL,
        status TEXT NOT NULL,
        done INTEGER NOT NULL,
        total INTEGER,
        message TEXT,
        failures TEXT NOT NULL,
        at TEXT NOT NULL
      ) STRICT;
INSERT INTO "jobs" VALUES('job_1',1,'k','l','running',1,2,NULL,'[]','2026-11-22T16:44:00.404Z');
CREATE TABLE journal (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        kind TEXT NOT NULL CHECK (kind IN ('mark', 'undo', 'redo', 'event')),
        target INTEGER,
        label TEXT NOT NULL,
        at TEXT NOT NULL,
        changes TEXT NOT NULL
      ) STRICT;
INSERT INTO "journal" VALUES(1,'mark',NULL,'Accept 1 × box','2026-11-22T16:44:00.377Z','[{"table":"trajectories","key":"t1","imageId":"img_ade98251556c6442","before":{"outcome":"{\"status\":\"open\",\"node\":null,\"masks\":[],\"category\":null,\"message\":null}","status":"open"},"after":{"outcome":"{\"status\":\"accepted\",\"node\":\"n1\",\"masks\":[{\"size\":[30,40],\"counts\":\"k44j00000000ok0\"}],\"category\":\"box\",\"message\":null}","status":"accepted"}},{"table":"annotations","key":1,"imageId":"img_ade98251556c6442","before":null,"after":{"id":1,"image_id":"img_ade98251556c6442","category_id":1,"mask_height":30,"mask_width":40,"mask_counts":"k44j00000000ok0","bbox_x":5,"bbox_y":5,"bbox_width":5,"bbox_height":4,"area":20,"iscrowd":0,"author":"agent","score":0.9,"query":"q","trajectory_id":"t1","created_at":"2026-11-22T16:44:00.367Z","import_key":null,"mask_edited":1,"original":null}},{"table":"images","key":"img_ade98251556c6442","imageId":"img_ade98251556c6442","before":{"state":"review"},"after":{"state":"done"}}]');
INSERT INTO "journal" VALUES(2,'mark',NULL,'Mark as done','2026-11-22T16:44:00.392Z','[{"table":"images","key":"img_cccf2447e92d8231","imageId":"img_cccf2447e92d8231","before":{"state":"todo"},"after":{"state":"done"}}]');
INSERT INTO "journal" VALUES(3,'undo',2,'Mark as done','2026-11-22T16:44:00.399Z','[]');
CREATE TABLE roots (id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE) STRICT;
INSERT INTO "roots" VALUES(1,'.');
CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
INSERT INTO "settings" VALUES('name','"Version one"');
INSERT INTO "settings" VALUES('isSample','false');
INSERT INTO "settings" VALUES('createdAt','"2026-11-22T16:44:00.234Z"');
CREATE TABLE trajectories (
        id TEXT PRIMARY KEY,
        seq INTEGER NOT NULL UNIQUE,
        image_id TEXT NOT NULL REFERENCES images(id),
        query TEXT NOT NULL,
        status TEXT NOT NULL,
        turns INTEGER NOT NULL,
        author TEXT NOT NULL,
        created_at TEXT NOT NULL,
        outcome TEXT NOT NULL,
        body TEXT NOT NULL
      ) STRICT;
INSERT INTO "trajectories" VALUES('t1',1,'img_ade98251556c6442','the “red” box
…','accepted',1,'agent','2026-01-02T03:04:05.000Z','{"status":"accepted","node":"n1","masks":[{"size":[30,40],"counts":"k44j00000000ok0"}],"category":"box","message":null}','{"header":{"schemaVersion":1,"id":"t1","createdAt":"2026-01-02T03:04:05.000Z","application":{"name":"Maskwright","version":"0.1.0"},"image":{"hash":"ab","name":"a.png","width":40,"height":30},"query":"the “red” box\n…","coordinates":"norm1000","turnBudget":8,"policy":{"kind":"test","name":"test"},"segmenter":{"name":"test","signature":"test"},"view":{"multiple":28,"minPixels":1000,"maxPixels":1000000},"overlay":{"activeColor":[255,0,0],"otherColor":[0,0,255],"alpha":0.4,"contourPx":2,"markerPx":6},"seed":null},"root":{"text":"","view":{"box":{"x1":0,"y1":0,"x2":40,"y2":30},"width":40,"height":30},"objects":[],"activeObject":1,"turn":0,"turnsLeft":7},"nodes":[{"id":"n1","parent":null,"author":"agent","thought":"It is red.","call":{"name":"segment_box","arguments":{"box":[0,0,500,500]}},"raw":"<think>It is red.</think>","observation":{"text":"","view":{"box":{"x1":0,"y1":0,"x2":40,"y2":30},"width":40,"height":30},"objects":[{"id":1,"box":{"x1":0,"y1":0,"x2":40,"y2":30},"points":[],"mask":{"size":[30,40],"counts":"k44j00000000ok0"},"predictedIou":0.9}],"activeObject":1,"turn":1,"turnsLeft":7},"invalid":null,"ended":"finished","timings":{"policyMs":1,"environmentMs":2},"usage":{},"iou":null,"at":"2026-01-02T03:04:05.000Z"}],"verdicts":[]}');
CREATE INDEX images_by_name ON images (sort_key, seq);
CREATE INDEX images_by_state ON images (state, sort_key, seq);
CREATE INDEX categories_by_name ON categories (name);
CREATE INDEX annotations_by_image ON annotations (image_id, id);
CREATE INDEX annotations_by_category ON annotations (category_id);
CREATE UNIQUE INDEX annotations_by_import ON annotations (image_id, import_key) WHERE import_key IS NOT NULL;
CREATE INDEX trajectories_by_image ON trajectories (image_id, seq);
CREATE TRIGGER journal_keeps_entries BEFORE UPDATE ON journal
        BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER journal_keeps_all BEFORE DELETE ON journal
        BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('images',2);
INSERT INTO "sqlite_sequence" VALUES('categories',1);
INSERT INTO "sqlite_sequence" VALUES('annotations',1);
INSERT INTO "sqlite_sequence" VALUES('journal',3);
COMMIT;
