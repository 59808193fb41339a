use strict;
use warnings;

use lib 't/lib';
use NginxProcess;
use Registrations;
use SmallDisk;
use StateTest;
use Test::More;

use File::Temp ();
use Time::HiRes qw(sleep time);

# Registrations where there is no room for more, where a state can't be used, and
# where its files are somebody else's.

*wait_until = \&NginxProcess::wait_until;
*all = \&NginxProcess::all;

my $Root = $NginxProcess::Root;


# --- full -----------------------------------------------------------------

subtest 'the zone is full' => sub {
    my $nginx = nginx('zone-full', zone => '128k');

    my ($first, $refusal) = fill('first');

    cmp_ok(scalar @$first, '>', 100, scalar @$first . ' registrations');
    is($refusal->{status}, 503, 'one more is refused');
    is($refusal->{body}, $Full, 'because the zone is full');
    like($refusal->{headers}{'retry-after'}, qr/^\d+$/, 'with Retry-After');
    is($refusal->{headers}{'content-type'}, 'application/json', 'in JSON');

    is(answered($_), 503, 'again') for all(\&create, 1 .. 20);
    is_deeply(listed(), [sort @$first], 'nothing is half made');

    is(remove_all(splice @$first, 0, 10), 10, 'ten are deleted');

    my ($second) = fill('second');
    cmp_ok(scalar @$second, '>=', 10, 'deletes make room');
    is_deeply(listed(), [sort @$first, @$second], 'all are listed');

    $nginx->stop;
    $nginx->start;
    is_deeply(listed(), [sort @$first, @$second], 'a full zone is loaded');
    is(create(client(), 'more')->{body}, $Full, 'and full again');

    is(remove_all(@$first, @$second), @$first + @$second, 'all are deleted');
    is_deeply(listed(), [], 'nothing is left');

    my ($third) = fill('first');
    cmp_ok(@$third, '>=', @$first + 10, 'as many as the first time');

    $nginx->finish;
};

subtest 'the zone becomes full under load' => sub {
    my $nginx = nginx('zone-full-load', zone => '128k', workers => 3);

    # Others look at the zone all the time, and may find in the state what has
    # been committed and not been taken into the zone.
    my $load = NginxProcess::load(6, churn(0));
    my $readers = NginxProcess::load(2, sub {
        my ($n, $client) = @_;
        answered(get($client, $App));
        return;
    });

    ok(wait_until(sub {
        return answered(create(client(), 'full')) eq '503';
    }), 'it is full');

    my @results = $load->stop;
    $readers->stop;

    # The one above may have got some of the room.
    my %before = map { $_->[1] eq 'full' ? ($_->[0] => 1) : () }
                     @{list(client())};

    verify(\@results, refused => 1, before => \%before);
    $nginx->finish;
};

subtest 'the state is full' => sub {
    my $nginx = nginx('state-full', size => '128k');

    $nginx->expect(qr{\[crit\].*webhook state "\Q$Root\E/state-full" could}
                   . qr{ not be written: MDB_MAP_FULL});

    my ($first, $refusal) = fill('first');

    cmp_ok(scalar @$first, '>', 100, scalar @$first . ' registrations');
    is($refusal->{status}, 503, 'one more is refused');
    is($refusal->{body}, $Failed, 'because the state is full');
    like($refusal->{headers}{'retry-after'}, qr/^\d+$/, 'with Retry-After');

    is(answered($_), 503, 'again') for all(\&create, 1 .. 5);
    is_deeply(listed(), [sort @$first], 'nothing has appeared');

    ok($nginx->reload, 'reloaded');
    is(create(client(), 'again')->{body}, $Failed, 'still full');

    $nginx->stop;
    $nginx->start;
    is_deeply(listed(), [sort @$first], 'all are there after a start');

    # Every delete leaves a note for other masters; they may not pile up.
    my ($all, @counts) = ($first);

    for my $round (1 .. 6) {
        is(remove_all(@$all), scalar @$all, 'all can be deleted');

        ($all) = fill('again');
        push @counts, scalar @$all;
    }

    cmp_ok((sort { $a <=> $b } @counts)[0], '>=', @$first * 0.5,
           "deletes make room, time and again: @counts");

    $nginx->stop;
    $nginx->start;
    is_deeply(listed(), [sort @$all], 'all are there after a start');

    $nginx->finish;
};

subtest 'the disk is full' => sub {
    my $disk = SmallDisk->mount('1m') or plan skip_all => $SmallDisk::Why;
    my $path = $disk->{path};

    my $nginx = NginxProcess->new(name => 'disk-full');
    config($nginx, state => "$path/state");
    $nginx->expect(qr{\[emerg\].*"\Q$path/state\E(?:-lock)?"});

    $disk->fill;

    # First the lock does not fit, then one page or other of the state.
    for my $room (0, 4, 64, 4, 4, 4, 4, 4) {
        $disk->leave($room);

        my ($status, $output) = $nginx->run;
        is($status & 127, 0, "${room}k more of room: no crash");

        if ($status == 0) {
            $nginx->attach;
            $nginx->stop;
            next;
        }

        like($output, qr{\[emerg\].*\Q$path/state\E(?:-lock)?"}, 'told');
    }

    $disk->empty;
    my ($status, $output) = $nginx->run('-t');
    is($status, 0, 'what was begun is no hindrance, once there is room')
        or diag($output);
    unlink "$path/state", "$path/state-lock" if $status;

    $nginx->start;
    my $props = '{"k":"' . 'v' x 2000 . '"}';

    $nginx->expect(qr{\[crit\].*"\Q$path/state"});

    my $load = NginxProcess::load(4, churn(0, props => $props));

    ok(wait_until(sub {
        my $answer = create(client(), 'full', $props);
        return $answer && $answer->{status} == 503
               && $answer->{body} eq $Failed;
    }), 'it is full');

    my @results = $load->stop;
    my %before = map { $_->[1] eq 'full' ? ($_->[0] => 1) : () }
                     @{list(client())};
    my @verify = (refused => 1, before => \%before);

    verify(\@results, @verify);

    $nginx->stop;
    ($status, $output) = $nginx->run('-t');
    is($status, 0, 'a full disk is no reason not to start') or diag($output);
    $nginx->start;
    verify(\@results, @verify, name => 'all is the same after a start');

    $nginx->stop('KILL');
    $nginx->start;
    verify(\@results, @verify, name => 'and after kill -9');

    ok($disk->resize('8m'), 'a bigger disk');
    my $uuid;
    ok(wait_until(sub { $uuid = uuid(create(client(), 'more', $props)) }),
       'there is room again');
    $before{$uuid} = 1;
    verify(\@results, @verify, name => 'and all is as it was');

    $nginx->finish;
    $disk->unmount;
};


# --- what killed workers leave behind -------------------------------------

subtest 'what killed workers had reserved is freed' => sub {
    my $nginx = nginx('leak', zone => '64k');

    my ($before) = fill('a');
    is(remove_all(@$before), scalar @$before, 'it was full');
    ($before) = fill('a');
    remove_all(@$before);

    for my $round (1 .. 6) {
        my $load = NginxProcess::load(4, churn(2));
        my @workers = $nginx->workers;

        sleep 0.1;
        random_sleep();
        $nginx->replace(@workers) or fail('new workers');
        $load->stop;

        remove_all(@{listed()});
    }

    is_deeply(listed(), [], 'nothing is left');

    my ($after) = fill('a');

    # All but those whose creator was killed while it held the lock.
    my $locked = () = $nginx->log =~ /was locked by/g;
    cmp_ok(@$after + $locked, '>=', @$before, 'as many fit in as before');

    $nginx->finish;
};


# --- states that can't be used --------------------------------------------

subtest 'states that can\'t be used' => sub {
    my $dir = "$Root/bad";
    my $state = "$dir/state";
    mkdir $dir;

    my $nginx = nginx('bad', state => $state);
    my $client = client();

    all(sub { create(@_, '{"k":"' . 'v' x 100 . '"}') }, 1 .. 300);
    create($client, 'victim');
    my $good = uuids(list($client));
    $nginx->stop;

    my $whole = NginxProcess::read_file($state);
    my $size = length $whole;

    my $put = sub {
        my $content = shift;
        return sub { NginxProcess::write_file($state, $content) };
    };

    (my $newer = $whole) =~ s/version\K\Q@{[pack 'L', 1]}/pack 'L', 2/ge;
    (my $record = $whole)
        =~ s/\Q@{[pack 'L', 8]}\E(?="victim")/pack 'L', 800/ge;

    isnt($newer, $whole, 'the version is where it was looked for');
    isnt($record, $whole, 'the record is where it was looked for');

    my @cases = (
        ['in a folder that is not there',
         sub { rename $dir, "$dir.away" },
         sub { rename "$dir.away", $dir },
         qr/No such file or directory/],

        ['a folder', sub { mkdir $state }, sub { rmdir $state },
         qr/is not a file/],

        ['whose lock is a folder',
         sub { $put->($whole)->(); mkdir "$state-lock" },
         sub { rmdir "$state-lock" },
         qr/Is a directory/],

        ['empty', $put->(''), undef, qr/is empty/],
        ['of a few bytes', $put->('state'), undef, qr/MDB_INVALID/],
        ['of other contents', $put->('no state' x 4096), undef,
         qr/MDB_INVALID/],
        ['of zeros', $put->("\0" x $size), undef, qr/MDB_INVALID/],

        ['cut within the first page', $put->(substr $whole, 0, 1000), undef,
         qr/MDB_INVALID/],
        ['cut after the first page', $put->(substr $whole, 0, 4096), undef,
         qr/MDB_INVALID/],
        ['cut after the second page', $put->(substr $whole, 0, 8192), undef,
         qr/truncated: it has 8192 bytes of \d+/],
        ['cut within what it uses', $put->(substr $whole, 0, 8 * 4096), undef,
         qr/truncated/],

        ['of a newer version', $put->($newer), undef,
         qr/is of the newer version 2/],
        ['with a record that is none', $put->($record), undef,
         qr/has an invalid record 301/],
    );

    for (@cases) {
        my ($name, $make, $undo, $reason) = @$_;

        unlink $state, "$state-lock";
        $make->();

        my $before = -f $state ? NginxProcess::read_file($state) : '';

        for my $how ('-t', 'start') {
            my ($status, $output) = $nginx->run($how eq '-t' ? '-t' : ());

            is($status & 127, 0, "$name, $how: no crash");
            isnt($status >> 8, 0, "$name, $how: fails");
            like($output, qr{\[emerg\].*\Q$state\E\b.*$reason},
                 "$name, $how: tells which and why");
        }

        is(-f $state ? NginxProcess::read_file($state) eq $before : 1, 1,
           "$name: it is left as it is");

        # It has started, if this did not fail.
        if (wait_until(sub { $nginx->master && NginxProcess::alive(
                                                    $nginx->master) }, 0.05))
        {
            $nginx->attach->stop;
        }

        $undo->() if $undo;
    }

    $nginx->expect(qr/\[emerg\].*\Q$state\E/);

    # The lock of a state is rubbish after a crash, and is no part of it.
    NginxProcess::write_file($state, $whole);
    NginxProcess::write_file("$state-lock", 'rubbish' x 100);
    $nginx->start;
    is_deeply(uuids(list(client())), $good, 'the good one has all of them');

    # A reload that fails leaves all as it was.
    NginxProcess::write_file("$dir/empty", '');
    $nginx->expect(qr{\[emerg\].*\Q$dir/empty"});

    my @workers = $nginx->workers;
    config($nginx, state => $state,
           more => "webhook_zone zone=more:1m state=$dir/empty;");
    kill HUP => $nginx->master;

    ok(wait_until(sub { $nginx->log =~ m{\[emerg\].*\Q$dir/empty"} }),
       'another zone\'s state can\'t be used at reload');
    is(join(' ', $nginx->workers), "@workers", 'the workers stay');
    ok(uuid(create(client(), 'on')), 'and go on');

    # LMDB's files must not be opened twice in a process.
    config($nginx, state => $state,
           more => "webhook_zone zone=more:1m state=$state;");
    my ($status, $output) = $nginx->run('-t');
    isnt($status, 0, 'two zones can\'t share a state');
    like($output, qr{\[emerg\].*\Q$state"}, 'nginx -t tells it');

    $nginx->finish;
};

subtest 'a zone whose state= changes at reload' => sub {
    my $nginx = nginx('moved');
    my $uuid = uuid(create(client(), 'here'));
    my @workers = $nginx->workers;

    for my $state ("$Root/elsewhere", undef) {
        my $log = length $nginx->log;

        config($nginx, state => $state);
        kill HUP => $nginx->master;

        ok(wait_until(sub { substr($nginx->log, $log) =~ /\[emerg\]/ }),
           'can\'t');
        like(substr($nginx->log, $log),
             qr/\[emerg\].*zone "hooks" has the file "\Q$Root\E\/moved"/,
             'that is told');
        is(join(' ', $nginx->workers), "@workers", 'the workers stay');
        is(answered(trigger(client(), $uuid)), '200 here', 'and go on');
    }

    $nginx->expect(qr/\[emerg\].*zone "hooks" has the file/);

    ok(!-e "$Root/elsewhere", 'the other one was not made');

    config($nginx, state => "$Root/moved");
    ok($nginx->reload, 'the one of before is fine');
    is(answered(trigger(client(), $uuid)), '200 here', 'as ever');

    $nginx->finish;
};


# --- the workers' user ----------------------------------------------------

# A folder that others can get to, and only root can write to.
sub public_folder {
    my $folder = File::Temp->newdir("webhook-state-XXXXXX", TMPDIR => 1);
    chmod 0755, $folder;
    return $folder;
}

# The directive, because a user's group often has another name
sub user {
    my $name = shift;
    my ($gid) = (getpwnam $name)[3];

    return unless defined $gid;
    return "user $name " . getgrgid($gid) . ';';
}

subtest 'the files belong to the workers\' user' => sub {
    my $folder = public_folder();
    my $state = "$folder/state";
    my @users = grep { user($_) } qw(nobody daemon);

    my $nginx = NginxProcess->new(name => 'owner');

    my $owned = sub {
        my $uid = shift;

        for ($state, "$state-lock") {
            my @stat = stat $_;
            is($stat[4], $uid, "the owner of $_");
            is($stat[2] & 07777, 0600, 'its mode');
        }
    };

    if ($> != 0) {
        config($nginx, state => $state)->start;
        $owned->($>);
        $nginx->finish;
        return;
    }

    config($nginx, state => $state, main => user($users[0]));
    is(($nginx->run('-t'))[0], 0, 'nginx -t may be the first');

    $nginx->start;
    $owned->(scalar getpwnam $users[0]);
    my $uuid = uuid(create(client(), 'here'));
    ok($uuid, 'it can be written');

    is(($nginx->run('-t'))[0], 0, 'nginx -t beside it');
    $owned->(scalar getpwnam $users[0]);

    $nginx->replace(($nginx->workers)[0]);
    ok($nginx->reload, 'reloaded');
    ok(uuid(create(client(), 'here')), 'written again') for 1 .. 4;

    if (@users > 1) {
        config($nginx, state => $state, main => user($users[1]));
        ok($nginx->reload, 'another user');

        for my $worker (my @workers = $nginx->workers) {
            is(answered(through($worker, \@workers, \&trigger, $uuid)),
               '200 here', 'triggered');
            is(answered(through($worker, \@workers, \&create, 'there')), 200,
               'it can be written');
        }

        $owned->(scalar getpwnam $users[1]);
    }

    $nginx->finish;
};

subtest 'a state that a new worker can\'t open' => sub {
    plan skip_all => 'this takes root' if $> != 0;

    my $folder = public_folder();
    my $state = "$folder/state";
    my ($uid, $gid) = (getpwnam 'nobody')[2, 3];

    my $nginx = NginxProcess->new(name => 'closed');
    config($nginx, state => $state, workers => 1, main => user('nobody'));
    $nginx->start;

    my $uuid = uuid(create(client(), 'here'));
    my $second = uuid(create(client(), 'second'));

    $nginx->expect(qr/\[emerg\].*\Q$state"\E could not be opened: Permission/);
    chown 0, 0, $state;
    ok($nginx->replace($nginx->workers), 'there is a new worker');

    my $client = client();
    my $from = time;
    my ($rounds, %seen);

    while (time - $from < 2.2) {
        $rounds++;
        my $answer = create($client, 'none');
        $seen{'create ' . answered($answer) . " $answer->{body}"}++;
        $seen{'trigger ' . answered(trigger($client, $uuid))}++;
        $seen{'get ' . answered(get($client, $uuid))}++;
        $seen{'delete ' . answered(remove($client, $uuid))}++;
        $seen{'list ' . answered($client->request(GET => '/app/webhooks',
                                                  undef, @Token))}++;
        $seen{'unknown ' . answered(trigger($client, $App))}++;
    }

    is_deeply([sort keys %seen],
              ["create 503 $Failed", 'delete 503', 'get 200', 'list 503',
               'trigger 200 here', 'unknown 503'],
              'known ones are triggered, and nothing is told that may be wrong');

    my $emerg = () = $nginx->log =~ /\[emerg\]/g;
    cmp_ok($emerg, '>=', 1, 'it is told in the log');
    cmp_ok($emerg, '<=', time - $from + 2, "once a second ($rounds rounds)");

    chown $uid, $gid, $state;
    my $third;
    ok(wait_until(sub { $third = uuid(create($client, 'third')) }),
       'it is tried again');
    is_deeply(uuids(list($client)), [$uuid, $second, $third],
              'nothing has changed meanwhile');

    $nginx->finish;
};

subtest 'a state that is taken away from a zone' => sub {
    my $nginx = nginx('away', workers => 1);
    my $state = "$Root/away";
    my @created = map { uuid(create(client(), "n$_")) } 1 .. 3;

    $nginx->expect(qr/\[emerg\].*"\Q$state"/);

    # As if its file system was not mounted.  What new workers would take into
    # another file would be lost when this one is back.
    rename $_, "$_.away" for $state, "$state-lock";
    ok($nginx->replace($nginx->workers), 'there is a new worker');

    is(create(client(), 'none')->{body}, $Failed, 'nothing can be created');
    is(answered(trigger(client(), $created[0])), '200 n1', 'but triggered');
    ok(!-e $state, 'there is no other file');
    ok(wait_until(sub { $nginx->log =~ /\[emerg\]/ }, 5), 'that is told');

    unlink $state, "$state-lock";
    rename "$_.away", $_ for $state, "$state-lock";

    my $last;
    ok(wait_until(sub { $last = uuid(create(client(), 'last')) }),
       'once it is back, all goes on');
    is_deeply(uuids(list(client())), [@created, $last], 'and nothing is lost');

    $nginx->stop;
    $nginx->start;
    is_deeply(uuids(list(client())), [@created, $last], 'ever');

    $nginx->finish;
};

done_testing();
